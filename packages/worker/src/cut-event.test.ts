import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceEvent, TEXT_LENGTH_MAX } from '@shoal/protocol';
import { LOGPROBS_OF_CHUNK_MAX } from '@shoal/protocol/shoal';
import { cutEvent } from './cut-event.ts';

test('a long tool call is split: its name is in the first piece, its tokens in the last, and no argument text is lost', () => {
  const whole = 'x'.repeat(TEXT_LENGTH_MAX) + '🐟';
  const call: InferenceEvent = { type: 'tool_call', index: 1, id: 'a', name: 'add', arguments: whole, tokens: [1, 2] };
  assert.deepEqual(cutEvent(call), [
    { ...call, arguments: 'x'.repeat(TEXT_LENGTH_MAX), tokens: [] },
    { type: 'tool_call', index: 1, arguments: '🐟', tokens: [1, 2] },
  ]);
  const rest: InferenceEvent = { type: 'tool_call', index: 0, arguments: '', tokens: [3] };
  assert.deepEqual(cutEvent(rest), [rest]);
});

test('a text with too many log probabilities is split, and each token keeps its own', () => {
  const tokens = Array.from({ length: 2 * LOGPROBS_OF_CHUNK_MAX + 1 }, (_, token) => token);
  const logprobs = tokens.map((token) => ({ token, text: 'x', logprob: -1, top: [] }));
  const pieces = cutEvent({ type: 'text', text: 'long', tokens, logprobs }).flatMap((event) =>
    event.type === 'text' ? [event] : [],
  );
  assert.deepEqual(
    pieces.map(({ text, tokens: some, logprobs: own }) => [text, some.length, own?.map(({ token }) => token)]),
    pieces.map(({ text, tokens: some }) => [text, some.length, some]),
  );
  assert.deepEqual(
    pieces.map(({ text, tokens: some }) => [text, some.length]),
    [
      ['long', LOGPROBS_OF_CHUNK_MAX],
      ['', LOGPROBS_OF_CHUNK_MAX],
      ['', 1],
    ],
  );
  assert.deepEqual(
    pieces.flatMap(({ tokens: some }) => some),
    tokens,
  );
});
