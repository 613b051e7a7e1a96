import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { remarkOn, generateAnswer, answerDocument, timings } from './run-answer.ts';
import type { RunEvent, RunningModel } from './running-model.ts';

const REQUEST = { input: { type: 'text', text: 'Hi' }, sampling: {}, stop: [] } as const;
const { signal } = new AbortController();

/** A model that generates these events. */
function fakeModel(events: readonly RunEvent[]): RunningModel {
  return {
    load: async () => undefined,
    async *generate() {
      yield* events;
    },
    close: async () => undefined,
  };
}

test('an answer is written as it streams, and reported with its usage and times', async () => {
  const usage = { promptTokens: 12, cachedTokens: 10, completionTokens: 2 };
  const model = fakeModel([
    { type: 'worker', name: 'NodeA' },
    { type: 'text', text: 'fo', tokens: [1] },
    { type: 'text', text: 'ur', tokens: [2] },
    { type: 'finish', reason: 'length', rawReason: 'length', usage, model: 'tiny' },
  ]);
  const written: string[] = [];
  const answer = await generateAnswer(model, REQUEST, signal, (text) => void written.push(text));
  assert.deepEqual([written, answer.text, answer.worker], [['fo', 'ur'], 'four', 'NodeA']);
  assert.match(remarkOn(answer) ?? '', /Cut/);
  const { timing, ...others } = answerDocument(answer, 20) as { timing: { load_ms: number } };
  assert.equal(timing.load_ms, 20);
  assert.deepEqual(others, {
    response: 'four',
    model: 'tiny',
    worker: 'NodeA',
    finish_reason: 'length',
    truncated: true,
    usage: { prompt_tokens: 12, cached_tokens: 10, completion_tokens: 2 },
  });
  const lines = timings({ ...answer, firstTokenMs: 100, totalMs: 600 }, 1_500);
  assert.deepEqual(lines, [
    'load    1.5 s',
    'prompt  12 tokens (10 from memory), 0.10 s',
    'answer  2 tokens, 0.50 s',
    'total   0.60 s',
  ]);
  const longer = { ...usage, promptTokens: 30, completionTokens: 21 };
  const finish = { ...answer.finish, usage: longer };
  assert.deepEqual(timings({ ...answer, finish, firstTokenMs: 100, totalMs: 600 }, undefined).slice(0, 2), [
    'prompt  30 tokens (10 from memory), 0.10 s, 200 tokens/s',
    'answer  21 tokens, 0.50 s, 40 tokens/s',
  ]);
  assert.deepEqual(
    timings({ ...answer, finish: { type: 'finish', reason: 'stop', rawReason: '' } }, undefined).length,
    1,
  );
});

test('an answer without a finish event fails, and an error of the model is thrown', async () => {
  await assert.rejects(
    generateAnswer(fakeModel([{ type: 'text', text: 'x', tokens: [] }]), REQUEST, signal, () => undefined),
    {
      code: 'WORKER_LOST',
    },
  );
  const failing: RunningModel = {
    ...fakeModel([]),
    generate() {
      throw ShoalError.generationFailed('It crashed.');
    },
  };
  await assert.rejects(
    generateAnswer(failing, REQUEST, signal, () => undefined),
    { code: 'GENERATION_FAILED' },
  );
});
