import { randomBytes } from 'node:crypto';
import { ShoalError } from '@shoal/protocol/error';
import { writeDurably } from '@shoal/files/durable-write';
import { readSecret } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

const SEED_BYTES = 32;

/**
 * Returns the seed of this node's key pair, 32 bytes, which is created at the first start. Throws `UNAUTHORIZED` if other
 * users can read the file, `INVALID_REQUEST` if it is not valid.
 */
export async function loadIdentity(home: Home): Promise<Uint8Array> {
  const path = homeFiles(home).identity;
  const text = await readSecret(path);
  if (text === undefined) {
    const seed = randomBytes(SEED_BYTES);
    await writeDurably(path, `${seed.toString('hex')}\n`);
    return seed;
  }
  if (!/^[0-9a-f]{64}$/.test(text.trim())) {
    throw ShoalError.invalidRequest(
      `${path} must contain 64 hex digits. Restore it, or delete it to become a node with a new identity.`,
    );
  }
  return Buffer.from(text.trim(), 'hex');
}
