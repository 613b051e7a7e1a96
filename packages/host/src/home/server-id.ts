import { randomBytes } from 'node:crypto';
import { ShoalError } from '@shoal/protocol';
import { decodeServerId, encodeServerId, SERVER_ID_BYTES } from '@shoal/protocol/localllm';
import { writeDurably } from '@shoal/files/durable-write';
import { readSecret } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

/** The topic of a Server ID that nobody has seen before. */
export function freshTopic(): Uint8Array {
  return Uint8Array.from(randomBytes(SERVER_ID_BYTES));
}

/**
 * The topic of this home's own Server ID, made at the first call. Whoever knows it may use the host, so it is kept like a
 * secret: throws `UNAUTHORIZED` where others may read the file, `INVALID_SERVER_ID` where it holds something else.
 */
export async function keptTopic(home: Home): Promise<Uint8Array> {
  const path = homeFiles(home).serverId;
  const text = await readSecret(path);
  if (text !== undefined) return readTopic(path, text);
  const topic = freshTopic();
  await writeDurably(path, `${encodeServerId(topic)}\n`);
  return topic;
}

function readTopic(path: string, text: string): Uint8Array {
  try {
    return decodeServerId(text);
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    const remedy = 'Restore it, or delete it to be found under a new Server ID.';
    throw new ShoalError('INVALID_SERVER_ID', `${path} must hold a Server ID. ${remedy}`, { cause: error });
  }
}
