import assert from 'node:assert/strict';
import { type InferenceEvent, type InferenceRequest, promptInput, type TerminalEvent } from '@shoal/protocol';
import type { Engine } from '../engine.ts';

/** An answer as it was heard, to its end. */
export interface Heard {
  readonly text: string;
  readonly tokens: readonly number[];
  /** How many pieces the text came in. */
  readonly pieces: number;
  readonly end: TerminalEvent;
}

/** A request for a reproducible answer. */
export function ask(prompt: string, changes: Partial<InferenceRequest> = {}): InferenceRequest {
  return { input: promptInput(prompt), stop: [], ...changes, sampling: { temperature: 0, ...changes.sampling } };
}

/** Listens to the whole answer, and asserts that its events come in the order that engines promise. */
export async function hear(engine: Engine, request: InferenceRequest, signal = unaborted()): Promise<Heard> {
  return hearRest(engine.generate(request, signal));
}

export async function hearRest(events: AsyncIterable<InferenceEvent>): Promise<Heard> {
  const texts: string[] = [];
  const tokens: number[] = [];
  const ends: TerminalEvent[] = [];
  for await (const event of events) {
    assert.equal(ends.length, 0, 'nothing follows a terminal event');
    assert.notEqual(event.type, 'queued', 'queueing is not the engine’s');
    if (event.type === 'text') {
      assert.notEqual(event.text, '', 'a text event has text');
      texts.push(event.text);
      tokens.push(...event.tokens);
    } else if (event.type !== 'queued') {
      ends.push(event);
    }
  }
  const [end] = ends;
  assert.ok(end, 'there is a terminal event');
  return { text: texts.join(''), tokens, pieces: texts.length, end };
}

/** The reason of an answer that ended well; fails the test for one that did not. */
export function reasonOf({ end }: Heard): string {
  if (end.type === 'error') throw end.error;
  return end.reason;
}

export function codeOf({ end }: Heard): string {
  return end.type === 'error' ? end.error.code : `no error but ${end.reason}`;
}

export function usageOf({ end }: Heard): { promptTokens: number; completionTokens: number } {
  if (end.type === 'error') throw end.error;
  assert.ok(end.usage, 'engines tell the usage');
  return end.usage;
}

export function unaborted(): AbortSignal {
  return new AbortController().signal;
}

/** Takes events up to and including the first text. */
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
