import b4a from 'b4a';
import { ShoalError } from './error.ts';
import { checkCost, costLimit } from './json-cost.ts';

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPENING_BRACE, CLOSING_BRACE, OPENING_BRACKET, CLOSING_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses the bytes of one message of a peer. Throws `BAD_MESSAGE` if they are not a JSON object. Depth and cost are checked on
 * the text, before the parser builds a tree. A `__proto__` key is ordinary data, because no message is merged into an object.
 */
export function parseObject(bytes: Uint8Array): JsonObject {
  checkCost(bytes, costLimit(bytes.length));
  return objectOf(b4a.toString(bytes, 'utf8'));
}

/**
 * Parses the text of one object and refuses duplicate keys too: programs that read such a text differ in which value they use.
 * `bytes` is the text in UTF-8. Its depth and items are limited, and not its cost: it is not a peer's. Throws `BAD_MESSAGE`.
 */
export function parseStrictObject(text: string, bytes: Uint8Array): JsonObject {
  checkCost(bytes, Infinity);
  const value = objectOf(text);
  checkKeys(text);
  return value;
}

export function encodeObject(message: object): Uint8Array {
  return b4a.from(JSON.stringify(message), 'utf8');
}

/** True if objects and arrays nest more than `levels` deep in a value. */
export function nestsDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeperThan(levels - 1, inner));
}

function objectOf(text: string): JsonObject {
  const value = parse(text);
  if (!isObject(value)) throw ShoalError.badMessage('A message must be a JSON object.');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ShoalError('BAD_MESSAGE', 'A message must be valid JSON.', { cause });
  }
}

/** Returns the index of the quote that ends a string: the first one after an even number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (quote - backslashes > start && text.charCodeAt(quote - backslashes - 1) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}

/** Throws if an object of a valid JSON text has a key twice. */
function checkKeys(text: string): void {
  /** The keys of each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let keys: Set<string> | undefined;
  let isKeyNext = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) {
      const end = endOfString(text, index + 1);
      if (isKeyNext) addKey(text.slice(index, end + 1), keys);
      isKeyNext = false;
      index = end;
    } else if (char === COMMA) isKeyNext = keys !== undefined;
    else if (char === OPENING_BRACE || char === OPENING_BRACKET) {
      isKeyNext = char === OPENING_BRACE;
      keys = isKeyNext ? new Set() : undefined;
      open.push(keys);
    } else if (char === CLOSING_BRACE || char === CLOSING_BRACKET) {
      open.pop();
      keys = open.at(-1);
      isKeyNext = false;
    }
  }
}

/** `quoted` is the key with its quotes and escapes. */
function addKey(quoted: string, keys: Set<string> | undefined): void {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
  if (keys?.has(key) === true)
    throw ShoalError.badMessage(`The key ${JSON.stringify(key.slice(0, 64))} is there twice.`);
  keys?.add(key);
}
