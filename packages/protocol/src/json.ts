import b4a from 'b4a';
import { ShoalError } from './error.ts';

/** How deep a peer's objects and arrays may nest. */
export const MAX_JSON_DEPTH = 32;

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * One message's bytes as an object. Throws `BAD_MESSAGE` for anything else. Depth is checked on the text, before the
 * parser builds a tree; a `__proto__` key is data like any other, because nothing here is ever merged into an object.
 */
export function parseObject(bytes: Uint8Array): JsonObject {
  const text = b4a.toString(bytes, 'utf8');
  if (isTooDeep(text)) throw ShoalError.badMessage(`A message may nest at most ${MAX_JSON_DEPTH} levels deep.`);
  const value = parse(text);
  if (!isObject(value)) throw ShoalError.badMessage('A message must be a JSON object.');
  return value;
}

export function encodeObject(message: object): Uint8Array {
  return b4a.from(JSON.stringify(message), 'utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ShoalError('BAD_MESSAGE', 'A message must be valid JSON.', { cause });
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === 0x5c) index += 1;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (char === 0x7d || char === 0x5d) depth -= 1;
  }
  return false;
}
