import { ShoalError } from './error.ts';

/** Levels that objects and arrays of a message may nest. A deeper message is refused before it is parsed. */
export const MAX_JSON_DEPTH = 32;
/** Members, elements, objects and arrays of one message together. */
export const MAX_JSON_ITEMS = 1_000_000;

/**
 * The cost of each part of a JSON text, relative to the others: the time that it takes the parser at most. Objects are the
 * most expensive, because each with other keys is a type of its own. Numbers and literals are cheap for their length.
 */
const JSON_COSTS = { object: 32, array: 8, key: 32, string: 14 } as const;
/** The cost that every message of a peer may have, whatever its length. */
const JSON_BASE_COST = 384 * 1024;
/** A message that is longer may not cost more: one turn of the event loop parses it. */
const JSON_COSTED_BYTES = 768 * 1024;

// Constants of their own: the compiler does not fold those of a pattern, and the loops below then take twice as long.
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
/** A key is counted as a string too, when its quotes are read. */
const KEY_COST = JSON_COSTS.key - JSON_COSTS.string;

/** The most that a message of this many bytes may cost. One unit is allowed for each byte. */
export function costLimit(bytes: number): number {
  return JSON_BASE_COST + Math.min(bytes, JSON_COSTED_BYTES);
}

/** True if a peer would refuse the JSON text of this message, in UTF-8. */
export function isTooCostly(text: Uint8Array): boolean {
  try {
    checkCost(text, costLimit(text.length));
    return false;
  } catch (thrown) {
    if (thrown instanceof ShoalError) return true;
    throw thrown;
  }
}

/**
 * Checks the depth, the items and the cost of a JSON text in UTF-8, which need not be valid. It needs no memory, and a parsed
 * hostile message can be many times larger than its text. Throws `BAD_MESSAGE`.
 */
export function checkCost(text: Uint8Array, mostCost: number): void {
  let depth = 0;
  let items = 0;
  let cost = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(text, at + 1);
      cost += JSON_COSTS.string;
    } else if (byte === COMMA) {
      items += 1;
    } else if (byte >= COLON) {
      if (byte === COLON) cost += KEY_COST;
      else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) {
        depth += 1;
        items += 1;
        cost += byte === OPENING_BRACE ? JSON_COSTS.object : JSON_COSTS.array;
      } else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) depth -= 1;
      else continue;
    } else continue;
    if (depth > MAX_JSON_DEPTH) throw tooDeep();
    if (cost > mostCost) throw tooCostly();
    if (items > MAX_JSON_ITEMS) throw ShoalError.badMessage(`A message may have at most ${MAX_JSON_ITEMS} items.`);
  }
}

function tooCostly(): ShoalError {
  return ShoalError.badMessage('A message has too many objects, lists, keys and texts for its length.');
}

function tooDeep(): ShoalError {
  return ShoalError.badMessage(`A message may nest at most ${MAX_JSON_DEPTH} levels deep.`);
}

/** Returns the index of the quote that ends a string. The index is at or beyond the end of the text if there is none. */
export function endOfString(text: Uint8Array, start: number): number {
  let at = start;
  for (let byte = text[at]; byte !== undefined && byte !== QUOTE; byte = text[at]) at += byte === BACKSLASH ? 2 : 1;
  return at;
}
