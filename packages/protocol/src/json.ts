import b4a from 'b4a';
import { ShoalError } from './error.ts';

/** Levels that objects and arrays of a message may nest. A deeper message is refused before it is parsed. */
export const MAX_JSON_DEPTH = 32;
/** Members, elements, objects and arrays of one message together. */
export const MAX_JSON_ITEMS = 1_000_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPENING_BRACE, CLOSING_BRACE, OPENING_BRACKET, CLOSING_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses the bytes of one message. Throws `BAD_MESSAGE` if they are not a JSON object. Depth and size are checked on the
 * text, before the parser builds a tree. A `__proto__` key is ordinary data, because no message is merged into an object.
 */
export function parseObject(bytes: Uint8Array): JsonObject {
  const text = b4a.toString(bytes, 'utf8');
  checkSize(text);
  const value = parse(text);
  if (!isObject(value)) throw ShoalError.badMessage('A message must be a JSON object.');
  return value;
}

/**
 * Parses the text of one object like `parseObject`, and refuses duplicate keys too: programs that read such a text differ in
 * which value they use. Throws `BAD_MESSAGE`.
 */
export function parseStrictObject(text: string): JsonObject {
  checkSize(text);
  const value = parse(text);
  if (!isObject(value)) throw ShoalError.badMessage('A message must be a JSON object.');
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

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ShoalError('BAD_MESSAGE', 'A message must be valid JSON.', { cause });
  }
}

/** Checks the text, which needs no memory. A parsed hostile message can be many times larger than its text. */
function checkSize(text: string): void {
  let depth = 0;
  let items = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) {
      index = endOfString(text, index + 1);
      continue;
    }
    if (char === COMMA) items += 1;
    else if (char === OPENING_BRACE || char === OPENING_BRACKET) {
      depth += 1;
      items += 1;
    } else if (char === CLOSING_BRACE || char === CLOSING_BRACKET) depth -= 1;
    if (depth > MAX_JSON_DEPTH)
      throw ShoalError.badMessage(`A message may nest at most ${MAX_JSON_DEPTH} levels deep.`);
    if (items > MAX_JSON_ITEMS) throw ShoalError.badMessage(`A message may have at most ${MAX_JSON_ITEMS} items.`);
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
