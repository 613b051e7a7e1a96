import { randomBytes } from 'node:crypto';
import { ShoalError } from '@shoal/protocol/error';
import { decodeServerId, encodeServerId, SERVER_ID_BYTES } from '@shoal/protocol/localllm';
import { writeDurably } from '@shoal/files/durable-write';
import { readSecret } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

/** Returns the topic of a new Server ID. */
export function createTopic(): Uint8Array {
  return Uint8Array.from(randomBytes(SERVER_ID_BYTES));
}

/**
 * Returns the topic of this home's Server ID, which is created at the first call. A client that has the id can use the host,
 * so it is a secret: throws `UNAUTHORIZED` if other users can read the file, `INVALID_SERVER_ID` if it is not valid.
 */
export async function loadTopic(home: Home): Promise<Uint8Array> {
  const path = homeFiles(home).serverId;
  const text = await readSecret(path);
  if (text !== undefined) return readTopic(path, text);
  const topic = createTopic();
  await writeDurably(path, `${encodeServerId(topic)}\n`);
  return topic;
}

function readTopic(path: string, text: string): Uint8Array {
  try {
    return decodeServerId(text);
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    const remedy = 'Restore it, or delete it to create a new Server ID.';
    throw new ShoalError('INVALID_SERVER_ID', `${path} must contain a Server ID. ${remedy}`, { cause: error });
  }
}
