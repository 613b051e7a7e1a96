import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';
import { ShoalError } from '../error.ts';

const TOPIC_BYTES = 32;
/** The longest cluster id in UTF-8. A longer one is refused with `INVALID_REQUEST`. */
export const MAX_CLUSTER_ID_BYTES = 255;

/** Throws `INVALID_REQUEST` unless the id has 1 to 255 bytes of UTF-8 and no control characters. */
export function checkClusterId(id: string): void {
  const bytes = b4a.byteLength(id, 'utf8');
  // oxlint-disable-next-line no-control-regex -- the check is for control characters
  if (bytes < 1 || bytes > MAX_CLUSTER_ID_BYTES || /[\u0000-\u001f\u007f-\u009f]/u.test(id) || !id.isWellFormed()) {
    throw ShoalError.invalidRequest(
      `A cluster id has 1 to ${MAX_CLUSTER_ID_BYTES} bytes of UTF-8 and no control characters.`,
    );
  }
}

/** Returns the topic that OpenGateway's documents and nodes use: SHA-256 of the id. */
export function hashedTopic(clusterId: string): Uint8Array {
  return sha256(b4a.from(clusterId, 'utf8'));
}

/** Returns the topic of OpenGateway's newest prompt tool: the id's bytes, cut or zero-padded to 32. Long ids can collide. */
export function paddedTopic(clusterId: string): Uint8Array {
  const topic = new Uint8Array(TOPIC_BYTES);
  topic.set(b4a.from(clusterId, 'utf8').subarray(0, TOPIC_BYTES));
  return topic;
}
