import assert from 'node:assert/strict';
import {
  type SampledLogprob,
  type InferenceEvent,
  isTerminal,
  type TerminalEvent,
  type ToolCallEvent,
  type Usage,
} from '@shoal/protocol';
import { type InferenceRequest, promptInput, type ToolCall } from '@shoal/protocol/request';
import type { Engine } from '../engine.ts';

/** A whole answer, as it was received. */
export interface ReceivedAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly SampledLogprob[];
  readonly toolCalls: readonly ToolCall[];
  readonly vectors: readonly (readonly number[])[];
  /** The number of text events. */
  readonly pieces: number;
  readonly end: TerminalEvent;
}

/** Creates a request with a reproducible answer. */
export function createRequest(prompt: string, changes: Partial<InferenceRequest> = {}): InferenceRequest {
  return { input: promptInput(prompt), stop: [], ...changes, sampling: { temperature: 0, ...changes.sampling } };
}

/** Receives a whole answer, and asserts that its events are in the order that engines guarantee. */
export async function receive(
  engine: Engine,
  request: InferenceRequest,
  signal = unaborted(),
): Promise<ReceivedAnswer> {
  return receiveRest(engine.generate(request, signal));
}

export async function receiveRest(events: AsyncIterable<InferenceEvent>): Promise<ReceivedAnswer> {
  const texts: string[] = [];
  let reasoning = '';
  const tokens: number[] = [];
  const logprobs: SampledLogprob[] = [];
  const toolCalls: ToolCall[] = [];
  const vectors: (readonly number[])[] = [];
  const ends: TerminalEvent[] = [];
  for await (const event of events) {
    assert.equal(ends.length, 0, 'nothing follows a terminal event');
    assert.notEqual(event.type, 'queued', 'engines do not queue');
    if (event.type === 'text') {
      assert.ok(event.text !== '' || event.tokens.length > 0, 'a text event has text, or ids of tokens without text');
      texts.push(event.text);
      tokens.push(...event.tokens);
      logprobs.push(...(event.logprobs ?? []));
    } else if (event.type === 'reasoning') {
      assert.ok(event.text !== '' || event.tokens.length > 0, 'a reasoning event has text, or ids of its markers');
      reasoning += event.text;
      tokens.push(...event.tokens);
    } else if (event.type === 'tool_call') {
      addToolCall(toolCalls, event);
    } else if (event.type === 'embedding') {
      assert.equal(event.index, vectors.length, 'vectors are in the order of the texts');
      vectors.push(event.vector);
    } else if (isTerminal(event)) {
      ends.push(event);
    }
  }
  const [end] = ends;
  assert.ok(end, 'there is a terminal event');
  return { text: texts.join(''), reasoning, tokens, logprobs, toolCalls, vectors, pieces: texts.length, end };
}

function addToolCall(calls: ToolCall[], { index, id, name, arguments: piece }: ToolCallEvent): void {
  const begun = calls[index];
  if (begun === undefined) {
    assert.equal(index, calls.length, 'tool calls are numbered from 0');
    assert.ok(
      id !== undefined && id !== '' && name !== undefined && name !== '',
      'the first piece of a tool call has id and name',
    );
    calls.push({ id, name, arguments: piece });
  } else {
    assert.deepEqual([id, name], [undefined, undefined], 'only the first piece has id and name');
    calls[index] = { ...begun, arguments: begun.arguments + piece };
  }
}

/** The reason of the finish. Throws the error of an answer that failed. */
export function reasonOf({ end }: ReceivedAnswer): string {
  if (end.type === 'error') throw end.error;
  return end.reason;
}

export function codeOf({ end }: ReceivedAnswer): string {
  return end.type === 'error' ? end.error.code : `no error but ${end.reason}`;
}

export function usageOf({ end }: ReceivedAnswer): Usage {
  if (end.type === 'error') throw end.error;
  assert.ok(end.usage, 'engines report the usage');
  return end.usage;
}

export function unaborted(): AbortSignal {
  return new AbortController().signal;
}

/** Reads events up to and including the first text. */
export async function firstText(events: AsyncIterator<InferenceEvent>): Promise<string> {
  for (;;) {
    const { value, done } = await events.next();
    assert.notEqual(done, true, 'the answer has text');
    const event: InferenceEvent = value;
    if (event.type === 'error') throw event.error;
    assert.equal(event.type, 'text');
    if (event.type === 'text') return event.text;
  }
}
