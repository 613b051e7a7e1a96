import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call } from '../../call.ts';
import { contextOf } from '../testing/answers.ts';
import { readEmbed, readOldEmbedding } from './embed.ts';

const USAGE = { promptTokens: 3, completionTokens: 0 };

test('texts to embed are a list or one text', () => {
  const texts = (input: unknown) => readEmbed({ model: 'tiny', input }).request.input;
  assert.deepEqual(texts(['a', 'b']), { type: 'embeddings', texts: ['a', 'b'] });
  assert.deepEqual(texts('a'), { type: 'embeddings', texts: ['a'] });
  const { request, streams, models } = readEmbed({
    model: 'tiny',
    input: 'a',
    keep_alive: 60,
    options: { num_ctx: 64 },
  });
  assert.deepEqual([request.keepAliveMs, request.contextLength, streams, models], [60_000, 64, false, ['tiny']]);
});

test('vectors have the fields of Ollama, and as many dimensions as asked for, at length 1', () => {
  assert.deepEqual(write(readEmbed({ model: 'tiny', input: ['a'] }), [[0.6, 0.8]]), {
    model: 'tiny',
    embeddings: [[0.6, 0.8]],
    total_duration: 1_000_000,
    load_duration: 0,
    prompt_eval_count: 3,
  });
  const short = write(readEmbed({ model: 'tiny', input: ['a', 'b'], dimensions: 1 }), [
    [0.6, 0.8],
    [-0.8, 0.6],
  ]);
  assert.partialDeepStrictEqual(short, { embeddings: [[1], [-1]] });
});

test('a call without a text loads the model and has no vectors', () => {
  for (const input of [[], '', undefined]) {
    const call = readEmbed({ model: 'tiny', input });
    assert.deepEqual(call.request.input, { type: 'embeddings', texts: [' '] });
    assert.deepEqual(write(call, [[1]]), { model: 'tiny', embeddings: [] });
  }
  assert.deepEqual(write(readOldEmbedding({ model: 'tiny', prompt: '' }), [[1]]), { embedding: [] });
});

test('the older API has one text and one vector', () => {
  const call = readOldEmbedding({ model: 'tiny', prompt: 'a' });
  assert.deepEqual(call.request.input, { type: 'embeddings', texts: ['a'] });
  assert.deepEqual(write(call, [[0.6, 0.8]]), { embedding: [0.6, 0.8] });
});

test('a malformed field is an INVALID_REQUEST that names it', () => {
  const wrong = { model: 1, input: [1], dimensions: -1, truncate: 'no', keep_alive: 'x', options: 1 };
  for (const [name, value] of Object.entries(wrong)) {
    const message = new RegExp(`"${name}"`);
    assert.throws(() => readEmbed({ model: 'tiny', input: 'a', [name]: value }), { code: 'INVALID_REQUEST', message });
  }
  assert.throws(() => readOldEmbedding({ model: 'tiny', prompt: 1 }), { code: 'INVALID_REQUEST', message: /"prompt"/ });
});

function write(call: Call, vectors: readonly (readonly number[])[]): object {
  return call.write([{ text: '', finishReason: 'stop', vectors, usage: USAGE }], contextOf());
}
