import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';

/** The name of the one network that QMesh's programs meet in. */
export const QMESH_NETWORK = 'qmesh-inference';

/** The topic of a network: SHA-256 of its name. */
export function qmeshTopic(network: string = QMESH_NETWORK): Uint8Array {
  return sha256(b4a.from(network, 'utf8'));
}
