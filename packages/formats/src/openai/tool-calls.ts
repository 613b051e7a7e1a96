import type { ToolCallEvent } from '@shoal/protocol';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { ShoalError } from '@shoal/protocol/error';
import { countIn, objectIn, textIn } from '../json.ts';

interface BegunCall {
  readonly index: number;
  readonly id: string;
  hasArguments: boolean;
}

/** Tool calls of one answer; more are `GENERATION_FAILED`. */
const MAX_TOOL_CALLS = 128;

/**
 * Reads the tool calls of a stream: pieces with an index, the first of which has id and name. Some servers omit the index or
 * the id, number their calls from 1 or all alike, repeat the name in every piece, or send the arguments as an object.
 */
export class ToolCallReader {
  readonly #newCallId: () => string;
  readonly #unreadable: (cause: unknown) => ShoalError;
  /** By the server's index. */
  readonly #begun = new Map<number, BegunCall>();
  #latest = 0;
  #count = 0;
  /** Calls without arguments whose index another call has taken. */
  readonly #empty: number[] = [];

  constructor(newCallId: () => string, unreadable: (cause: unknown) => ShoalError) {
    this.#newCallId = newCallId;
    this.#unreadable = unreadable;
  }

  get count(): number {
    return this.#count;
  }

  /** Undefined for a piece without anything new. Throws `GENERATION_FAILED` for a call without a name. */
  read(piece: JsonObject): ToolCallEvent | undefined {
    const called = objectIn(piece, 'function');
    const text = this.#argumentsIn(called);
    const theirs = countIn(piece, 'index') ?? this.#indexOf(piece);
    this.#latest = theirs;
    const begun = this.#begun.get(theirs);
    const [id, name] = [textIn(piece, 'id'), textIn(called, 'name')];
    const isAnother = id !== undefined && name !== undefined && id !== begun?.id;
    if (begun === undefined || isAnother) return this.#begin(theirs, { id, name, text });
    if (text === '') return undefined;
    begun.hasArguments = true;
    return { type: 'tool_call', index: begun.index, arguments: text, tokens: [] };
  }

  /** Completes calls without arguments with an empty object. */
  *end(): Generator<ToolCallEvent> {
    const empty = [...this.#begun.values()].filter(({ hasArguments }) => !hasArguments).map(({ index }) => index);
    for (const index of [...this.#empty, ...empty]) yield { type: 'tool_call', index, arguments: '{}', tokens: [] };
  }

  #begin(theirs: number, call: { id: string | undefined; name: string | undefined; text: string }): ToolCallEvent {
    const { id = this.#newCallId(), name, text } = call;
    if (name === undefined) throw this.#unreadable('A tool call has no name.');
    if (this.#count === MAX_TOOL_CALLS) throw this.#unreadable(`There are more than ${MAX_TOOL_CALLS} tool calls.`);
    const index = this.#count++;
    const before = this.#begun.get(theirs);
    if (before?.hasArguments === false) this.#empty.push(before.index);
    this.#begun.set(theirs, { index, id, hasArguments: text !== '' });
    return { type: 'tool_call', index, id, name, arguments: text, tokens: [] };
  }

  /** Without an index, a piece with an id begins a call, and one without an id belongs to the latest. */
  #indexOf(piece: JsonObject): number {
    return textIn(piece, 'id') !== undefined && this.#begun.size > 0 ? this.#latest + 1 : this.#latest;
  }

  /** Throws if the value is neither text nor object: without its arguments it would be another call. */
  #argumentsIn(called: JsonObject | undefined): string {
    const value = called?.['arguments'] ?? '';
    if (typeof value === 'string') return value;
    if (!isObject(value)) throw this.#unreadable('The arguments of a tool call are not an object.');
    return JSON.stringify(value);
  }
}
