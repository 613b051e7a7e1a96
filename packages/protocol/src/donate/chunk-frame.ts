import b4a from 'b4a';
import { type JsonObject, parseObject } from '../json.ts';

/** Shorter bodies are left to the JSON parser. */
const LEAST_BYTES = 64 * 1024;

const KEY = b4a.from('"data_b64"');
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c];

/**
 * Parses a large frame with a `data_b64` field, and returns that field as bytes: strings of a megabyte would pile up faster
 * than they are collected. Returns undefined for any other frame, and if the place of the field is ambiguous. Throws
 * `BAD_MESSAGE` if the rest is not JSON.
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
  // Only a field at the top level belongs to the frame.
  return message['data_b64'] === '' ? { ...message, data_b64: data } : undefined;
}

/** Returns the index of the first byte inside the string value; undefined if the value is not a string. */
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
