import b4a from 'b4a';
import { type JsonObject, parseObject } from './json.ts';
import { endOfString } from './json-cost.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENINGS: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSINGS: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const CLOSING_BRACE = b4a.from('}');

/** The beginning of a JSON object whose end is missing. */
export interface JsonHead {
  /** The members that are complete. */
  readonly members: JsonObject;
  /** The index of the first byte behind them, and behind their comma. */
  readonly end: number;
}

/** Reads the complete members in the first bytes of a JSON object. Throws `BAD_MESSAGE` if these are not valid. */
export function readHead(head: Uint8Array): JsonHead {
  const end = endOfMembers(head);
  if (end === undefined) return { members: {}, end: head.length };
  const { isFirst, at } = end;
  return { members: parseObject(b4a.concat([head.subarray(0, isFirst ? at + 1 : at), CLOSING_BRACE])), end: at + 1 };
}

/** Returns the index of the last comma between members, or of the opening brace. Undefined if there is none. */
function endOfMembers(head: Uint8Array): { readonly at: number; readonly isFirst: boolean } | undefined {
  let depth = 0;
  let end: { at: number; isFirst: boolean } | undefined;
  for (let at = 0; at < head.length; at += 1) {
    const byte = head[at] ?? 0;
    if (byte === QUOTE) at = endOfString(head, at + 1);
    else if (OPENINGS.has(byte)) {
      depth += 1;
      end ??= { at, isFirst: true };
    } else if (CLOSINGS.has(byte)) depth -= 1;
    else if (byte === COMMA && depth === 1) end = { at, isFirst: false };
  }
  return end;
}
