import b4a from 'b4a';
import { type JsonObject, parseObject } from '../json.ts';

/** A shorter body is left to the usual parser. */
const LEAST_BYTES = 64 * 1024;

const KEY = b4a.from('"data_b64"');
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c];

/**
 * A frame that is nearly all `data_b64`, with that field as bytes: a string of a megabyte for each chunk of a model would
 * pile up faster than it is collected. Undefined for any other frame, and for one in which it is not plain where the field
 * lies. Throws `BAD_MESSAGE` as the usual parser does.
 */
export function parseChunkFrame(body: Uint8Array): JsonObject | undefined {
  if (body.length < LEAST_BYTES) return undefined;
  const key = b4a.indexOf(body, KEY);
  if (key === -1 || body[key - 1] === BACKSLASH || b4a.indexOf(body, KEY, key + 1) !== -1) return undefined;
  const start = valueStart(body, key + KEY.length);
  const end = start === undefined ? -1 : body.indexOf(QUOTE, start);
  if (start === undefined || end === -1) return undefined;
  const data = body.subarray(start, end);
  if (data.includes(BACKSLASH)) return undefined;
  const message = parseObject(b4a.concat([body.subarray(0, start), body.subarray(end)]));
  // Elsewhere than at the top it is no field of the frame.
  return message['data_b64'] === '' ? { ...message, data_b64: data } : undefined;
}

/** The first byte of the string that is the value; undefined where it is none. */
function valueStart(body: Uint8Array, from: number): number | undefined {
  const colon = skipBlanks(body, from);
  const quote = skipBlanks(body, colon + 1);
  return body[colon] === COLON && body[quote] === QUOTE ? quote + 1 : undefined;
}

function skipBlanks(body: Uint8Array, from: number): number {
  let at = from;
  while (BLANKS.has(body[at])) at += 1;
  return at;
}
