import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceEvent } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import type { RequestLink } from '@shoal/transport';
import {
  AnswerSilence,
  FIRST_TOKEN_TIMEOUT_MS,
  HIDDEN_TIMEOUT_MS,
  ModelPace,
  paceOf,
  QUEUE_PLACE_TIMEOUT_MS,
  type SilenceOptions,
  TOKEN_GAP_TIMEOUT_MS,
  WARM_FIRST_TOKEN_TIMEOUT_MS,
} from './pace.ts';

const MINUTE_MS = 60_000;
const request: InferenceRequest = { input: promptInput(''), sampling: {}, stop: [] };
const token: InferenceEvent = { type: 'text', text: 'a', tokens: [1] };
const queued = (position: number): InferenceEvent => ({ type: 'queued', position });
const finish = (promptTokens: number, cachedTokens?: number): InferenceEvent => ({
  type: 'finish',
  reason: 'stop',
  rawReason: 'eos',
  usage: { promptTokens, cachedTokens, completionTokens: 1 },
});

/** One answer on a clock that the test moves. */
function answer(options: Partial<SilenceOptions> = {}, startedAt = 0) {
  let now = startedAt;
  const silence = new AnswerSilence({ request, pace: new ModelPace(), ...options }, now);
  /** Returns the milliseconds that the worker may be silent from now on. */
  const left = (): number => silence.waiting(now) - now;
  return {
    left,
    /** The reader does something else meanwhile. */
    away: (ms: number): void => void (now += ms),
    /** Waits for an event, which comes in time. */
    after(ms: number, event: InferenceEvent): void {
      assert.ok(left() >= ms, `the worker would be cut off after ${left()} of ${ms} ms`);
      now += ms;
      silence.received(event, now);
    },
  };
}

test('a large model that is loaded for 9 minutes, and reads a long prompt at 10 tokens per second, is not cut off', () => {
  const prompt = 'four'.repeat(8_000);
  answer({ request: { ...request, input: promptInput(prompt) } }).after(9 * MINUTE_MS + 8_000 * 100, token);
});

test('a slow worker that gives a token every minute is never cut off', () => {
  const slow = answer();
  for (let index = 0; index < 500; index += 1) slow.after(MINUTE_MS, token);
  slow.after(MINUTE_MS, finish(1));
});

test('a request waits in a queue for as long as the queue moves, but not for ever at one place', () => {
  const waiting = answer();
  waiting.after(0, queued(17));
  for (let place = 16; place > 0; place -= 1) waiting.after(25 * MINUTE_MS, queued(place));
  assert.equal(waiting.left(), QUEUE_PLACE_TIMEOUT_MS);
  // An unchanged place, and one further back, are no progress.
  waiting.after(MINUTE_MS, queued(1));
  waiting.after(MINUTE_MS, queued(2));
  assert.equal(waiting.left(), QUEUE_PLACE_TIMEOUT_MS - 2 * MINUTE_MS);
  waiting.after(MINUTE_MS, token);
  assert.equal(waiting.left(), TOKEN_GAP_TIMEOUT_MS);
});

test('events without content are no progress', () => {
  const empty = answer();
  empty.after(0, token);
  for (const event of [
    { type: 'text', text: '', tokens: [] },
    { type: 'reasoning', text: '', tokens: [] },
    { type: 'tool_call', index: 0, arguments: '', tokens: [] },
  ] as const) {
    empty.after(10_000, event);
  }
  assert.equal(empty.left(), TOKEN_GAP_TIMEOUT_MS - 30_000);
});

test('the time in which the reader does not read is not the silence of the worker', () => {
  const stalled = answer();
  stalled.after(1_000, token);
  stalled.away(60 * MINUTE_MS);
  assert.equal(stalled.left(), TOKEN_GAP_TIMEOUT_MS);
});

test('a worker that has just answered with the model gets less time for the first token of the next answer', () => {
  const pace = new ModelPace();
  assert.equal(answer({ pace }).left(), FIRST_TOKEN_TIMEOUT_MS);
  answer({ pace }).after(1_000, token);
  assert.equal(answer({ pace }, 2_000).left(), WARM_FIRST_TOKEN_TIMEOUT_MS);
  // The model may have left the memory since.
  assert.equal(answer({ pace }, 10 * MINUTE_MS).left(), FIRST_TOKEN_TIMEOUT_MS);
});

test('a worker gets a multiple of the time that it has shown for prompts and between tokens', () => {
  const pace = new ModelPace();
  const long = { ...request, input: promptInput('four'.repeat(1_000)) };
  const slow = answer({ pace, request: long });
  slow.after(400_000, token);
  slow.after(100_000, token);
  slow.after(0, finish(1_000, 0));
  // 10 times the 100 ms per character.
  assert.equal(answer({ pace, request: long }, 500_000).left(), WARM_FIRST_TOKEN_TIMEOUT_MS + 4_000_000);
  const next = answer({ pace, request: long }, 500_000);
  next.after(1_000, token);
  assert.equal(next.left(), 500_000);
});

test('a prompt that was in memory, or waited in a queue, shows nothing of the time that prompts take', () => {
  const pace = new ModelPace();
  const long = { ...request, input: promptInput('four'.repeat(1_000)) };
  const unmeasured = answer({ pace, request: long }, 0).left();
  for (const end of [finish(1_000, 1_000), finish(1_000)]) {
    const cached = answer({ pace, request: long });
    cached.after(100, token);
    cached.after(0, end);
  }
  const waited = answer({ pace, request: long });
  waited.after(1, queued(1));
  waited.after(100, token);
  waited.after(0, finish(1_000, 0));
  assert.equal(answer({ pace, request: long }, 10 * MINUTE_MS).left(), unmeasured);
});

test('a model may generate for long what is sent whole: a tool call, or hidden reasoning', () => {
  for (const hidden of [{ tools: [{ name: 'f' }] }, { reasoning: false }]) {
    const silent = answer({ request: { ...request, ...hidden } });
    silent.after(HIDDEN_TIMEOUT_MS, token);
    silent.after(HIDDEN_TIMEOUT_MS, token);
  }
});

test('a vector takes as long as the first token of a prompt', () => {
  const embedding = answer({ request: { ...request, input: { type: 'embeddings', texts: [''] } } });
  embedding.after(FIRST_TOKEN_TIMEOUT_MS, { type: 'embedding', index: 0, vector: [1] });
  assert.equal(embedding.left(), WARM_FIRST_TOKEN_TIMEOUT_MS);
});

test('a configured limit replaces those of the answer, and does not shorten a wait in a queue', () => {
  const short = answer({ timeoutMs: 5_000, request: { ...request, tools: [{ name: 'f' }] } });
  assert.equal(short.left(), 5_000);
  short.after(1, queued(1));
  short.after(QUEUE_PLACE_TIMEOUT_MS, token);
  assert.equal(short.left(), 5_000);
  assert.equal(answer({ timeoutMs: Infinity }).left(), 24 * 60 * MINUTE_MS);
});

test('the pace of a worker is kept for its connection, by model', () => {
  const [one, other] = [{} as RequestLink, {} as RequestLink];
  assert.equal(paceOf(one, 'a'), paceOf(one, 'a'));
  assert.notEqual(paceOf(one, 'a'), paceOf(one, 'b'));
  assert.notEqual(paceOf(one, 'a'), paceOf(other, 'a'));
});
