import { randomBytes } from 'node:crypto';
import { ShoalError } from '@shoal/protocol';
import { writeDurably } from '@shoal/files/durable-write';
import { readSecret } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

const SEED_BYTES = 32;

/**
 * The 32 bytes that this node's key pair grows from, made at its first start. Throws `UNAUTHORIZED` where others may
 * read the file, `INVALID_REQUEST` where it holds something else.
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
      `${path} must hold 64 hex digits. Restore it, or delete it to become a node with a new identity.`,
    );
  }
  return Buffer.from(text.trim(), 'hex');
}
