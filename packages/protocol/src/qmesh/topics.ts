import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';

/** The name of QMesh's network. */
export const QMESH_NETWORK = 'qmesh-inference';

/** Returns the topic of a network: SHA-256 of its name. */
export function qmeshTopic(network: string = QMESH_NETWORK): Uint8Array {
  return sha256(b4a.from(network, 'utf8'));
}
