import { isObject, type JsonObject, type ToolCallEvent } from '@shoal/protocol';
import { countIn, objectIn, textIn } from '../http/json.ts';
import { newCallId } from '../http/tools.ts';
import { failures } from './errors.ts';

interface Begun {
  readonly index: number;
  readonly id: string;
  hasArguments: boolean;
}

/** Tool calls of one answer; more are `GENERATION_FAILED`. */
const MAX_TOOL_CALLS = 128;

/**
 * The tool calls of a stream: pieces that name an index, of which the first has id and name. Some servers leave out the index
 * or the id, number their calls from 1 or all alike, repeat the name in every piece, or give the arguments as an object.
 */
export class ToolCalls {
  /** By the server's index, ours and whether there were arguments. */
  readonly #begun = new Map<number, Begun>();
  #latest = 0;
  #count = 0;
  /** Calls without arguments whose number another call has taken. */
  readonly #empty: number[] = [];

  get count(): number {
    return this.#count;
  }

  /** Undefined for a piece that says nothing new. Throws `GENERATION_FAILED` for a call without a name. */
  read(piece: JsonObject): ToolCallEvent | undefined {
    const asked = objectIn(piece, 'function');
    const text = argumentsIn(asked);
    const theirs = countIn(piece, 'index') ?? this.#indexOf(piece);
    this.#latest = theirs;
    const begun = this.#begun.get(theirs);
    const [id, name] = [textIn(piece, 'id'), textIn(asked, 'name')];
    const isAnother = id !== undefined && name !== undefined && id !== begun?.id;
    if (begun === undefined || isAnother) return this.#begin(theirs, { id, name, text });
    if (text === '') return undefined;
    begun.hasArguments = true;
    return { type: 'tool_call', index: begun.index, arguments: text, tokens: [] };
  }

  /** A call without arguments is one with an empty object. */
  *end(): Generator<ToolCallEvent> {
    const empty = [...this.#begun.values()].filter(({ hasArguments }) => !hasArguments).map(({ index }) => index);
    for (const index of [...this.#empty, ...empty]) yield { type: 'tool_call', index, arguments: '{}', tokens: [] };
  }

  #begin(theirs: number, call: { id: string | undefined; name: string | undefined; text: string }): ToolCallEvent {
    const { id = newCallId(), name, text } = call;
    if (name === undefined) throw failures.unreadable('A tool call names no tool.');
    if (this.#count === MAX_TOOL_CALLS) throw failures.unreadable(`There are more than ${MAX_TOOL_CALLS} tool calls.`);
    const index = this.#count++;
    const before = this.#begun.get(theirs);
    if (before?.hasArguments === false) this.#empty.push(before.index);
    this.#begun.set(theirs, { index, id, hasArguments: text !== '' });
    return { type: 'tool_call', index, id, name, arguments: text, tokens: [] };
  }

  /** Without an index, a piece with an id begins a call, and one without goes on with the latest. */
  #indexOf(piece: JsonObject): number {
    return textIn(piece, 'id') !== undefined && this.#begun.size > 0 ? this.#latest + 1 : this.#latest;
  }
}

/** Throws `GENERATION_FAILED` for what is neither text nor object: a call without its arguments would be another one. */
function argumentsIn(asked: JsonObject | undefined): string {
  const value = asked?.['arguments'] ?? '';
  if (typeof value === 'string') return value;
  if (!isObject(value)) throw failures.unreadable('The arguments of a tool call are no object.');
  return JSON.stringify(value);
}
