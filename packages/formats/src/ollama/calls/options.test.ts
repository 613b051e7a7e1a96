import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyFields } from './fields.ts';
import { readOptions } from './options.ts';

test('options become sampling, stop strings and the context length', () => {
  const options = {
    num_predict: 9,
    temperature: 0,
    top_k: 3,
    top_p: 0.5,
    min_p: 0.1,
    seed: 7,
    repeat_penalty: 1.1,
    presence_penalty: 0.2,
    frequency_penalty: -0.2,
    stop: ['.', ''],
    num_ctx: 4096,
  };
  assert.deepEqual(read(options), {
    sampling: {
      maxTokens: 9,
      temperature: 0,
      topP: 0.5,
      topK: 3,
      minP: 0.1,
      repeatPenalty: 1.1,
      presencePenalty: 0.2,
      frequencyPenalty: -0.2,
      seed: 7,
    },
    stop: ['.'],
    contextLength: 4096,
  });
});

test('values outside of a range mean what they mean to Ollama', () => {
  assert.deepEqual(read({ num_predict: -1, seed: -1 }).sampling, {});
  assert.deepEqual(read({ num_predict: -2 }).sampling, {});
  assert.deepEqual(read({ num_predict: 0 }).sampling, {});
  assert.deepEqual(read({ num_predict: 2.7, temperature: -1, top_k: -3, top_p: 7, min_p: -1, seed: -5 }).sampling, {
    maxTokens: 2,
    temperature: 0,
    topK: 0,
    topP: 1,
    minP: 0,
    seed: 5,
  });
  assert.equal(read({ num_ctx: 0 }).contextLength, 4);
});

test('options that Ollama ignores or that only concern its runner change nothing', () => {
  const options = { mirostat: 2, tfs_z: 'x', numa: true, num_gpu: 99, use_mmap: false, typical_p: 0.5, num_keep: null };
  assert.deepEqual(read(options), { sampling: {}, stop: [] });
});

test('an option of the wrong type, or that no engine can take, is an INVALID_REQUEST that names it', () => {
  const wrong = {
    num_predict: '3',
    temperature: 99,
    repeat_penalty: 0,
    seed: 2 ** 60,
    stop: 'a',
    num_ctx: true,
    num_thread: 'all',
    use_mmap: 1,
  };
  for (const [name, value] of Object.entries(wrong)) {
    const message = new RegExp(`"options\\.${name}"`);
    assert.throws(() => read({ [name]: value }), { code: 'INVALID_REQUEST', message });
  }
  assert.throws(() => read({ stop: [1] }), { code: 'INVALID_REQUEST', message: /"options\.stop"/ });
});

function read(options: object): ReturnType<typeof readOptions> {
  return readOptions(bodyFields({ options }));
}
