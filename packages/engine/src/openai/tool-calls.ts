import type { JsonObject, ToolCallEvent } from '@shoal/protocol';
import { countIn, objectIn, textIn } from '../http/json.ts';
import { newCallId } from '../http/tools.ts';
import { failures } from './errors.ts';

/** Tool calls of one answer; more are `GENERATION_FAILED`. */
const MAX_TOOL_CALLS = 128;

/**
 * The tool calls of a stream: pieces that name an index, of which the first has id and name. Some servers leave out the index
 * or the id, number their calls from 1, or repeat the name in every piece.
 */
export class ToolCalls {
  /** By the server's index, ours and whether there were arguments. */
  readonly #begun = new Map<number, { readonly index: number; hasArguments: boolean }>();
  #latest = 0;

  get count(): number {
    return this.#begun.size;
  }

  /** Undefined for a piece that says nothing new. Throws `GENERATION_FAILED` for a call without a name. */
  read(piece: JsonObject): ToolCallEvent | undefined {
    const asked = objectIn(piece, 'function');
    const text = textIn(asked, 'arguments') ?? '';
    const theirs = countIn(piece, 'index') ?? this.#indexOf(piece);
    this.#latest = theirs;
    const begun = this.#begun.get(theirs);
    if (begun === undefined) return this.#begin(theirs, { id: textIn(piece, 'id'), name: textIn(asked, 'name'), text });
    if (text === '') return undefined;
    begun.hasArguments = true;
    return { type: 'tool_call', index: begun.index, arguments: text, tokens: [] };
  }

  /** A call without arguments is one with an empty object. */
  *end(): Generator<ToolCallEvent> {
    for (const { index, hasArguments } of this.#begun.values()) {
      if (!hasArguments) yield { type: 'tool_call', index, arguments: '{}', tokens: [] };
    }
  }

  #begin(theirs: number, call: { id: string | undefined; name: string | undefined; text: string }): ToolCallEvent {
    const { id = newCallId(), name, text } = call;
    if (name === undefined) throw failures.unreadable('A tool call names no tool.');
    const index = this.#begun.size;
    if (index === MAX_TOOL_CALLS) throw failures.unreadable(`There are more than ${MAX_TOOL_CALLS} tool calls.`);
    this.#begun.set(theirs, { index, hasArguments: text !== '' });
    return { type: 'tool_call', index, id, name, arguments: text, tokens: [] };
  }

  /** Without an index, a piece with an id begins a call, and one without goes on with the latest. */
  #indexOf(piece: JsonObject): number {
    return textIn(piece, 'id') !== undefined && this.#begun.size > 0 ? this.#latest + 1 : this.#latest;
  }
}
