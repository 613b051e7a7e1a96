import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@shoal/protocol/json';
import { assertRefused, type Refusal } from '../testing/refusals.ts';
import { CONTEXT } from '../testing/stream.ts';
import { readEmbedding } from './request.ts';

const answer = {
  text: '',
  finishReason: 'stop',
  vectors: [
    [0.5, -0.25],
    [1, 0],
  ],
  usage: { promptTokens: 7, completionTokens: 0 },
} as const;

test('a text or a list of texts is embedded', () => {
  const { models, request, count, streams } = readEmbedding({ model: 'm', input: 'a', user: 'u', other: 1 });
  assert.deepEqual([models, count, streams], [['m'], 1, false]);
  assert.deepEqual(request, { input: { type: 'embeddings', texts: ['a'] }, sampling: {}, stop: [] });
  assert.deepEqual(readEmbedding({ input: ['a', 'b'] }).request.input, { type: 'embeddings', texts: ['a', 'b'] });
});

test('vectors are written in order, as numbers or as base64 of little-endian floats', () => {
  const vectorsIn = (body: JsonObject) => readEmbedding({ input: ['a', 'b'], ...body }).write([answer], CONTEXT);
  const bodyWith = (one: unknown, other: unknown) => ({
    object: 'list',
    data: [
      { object: 'embedding', index: 0, embedding: one },
      { object: 'embedding', index: 1, embedding: other },
    ],
    model: 'tiny',
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  for (const body of [{}, { encoding_format: 'float' }]) {
    assert.deepEqual(vectorsIn(body), bodyWith([0.5, -0.25], [1, 0]));
  }
  assert.deepEqual(vectorsIn({ encoding_format: 'base64' }), bodyWith('AAAAPwAAgL4=', 'AACAPwAAAAA='));
});

const TOKEN_IDS =
  '"input" has token ids, and models have different vocabularies. Send text; with LangChain, set check_embedding_ctx_length=False.';
const refused: readonly Refusal[] = [
  [{ input: undefined }, '"input" is missing'],
  [{ input: '' }, '"input" must be'],
  [{ input: [] }, '"input" must be'],
  [{ input: ['a', ''] }, '"input" must be'],
  [{ input: ['a', 5] }, '"input" must be'],
  [{ input: [[]] }, '"input" must be'],
  [{ input: { text: 'a' } }, '"input" must be'],
  [{ input: Array(2049).fill('a') }, '"input" must be a text, or a list of 1 to 2048 texts'],
  [{ input: [1, 2] }, TOKEN_IDS],
  [{ input: [[1, 2], [3]] }, TOKEN_IDS],
  [{ encoding_format: 'int8' }, '"encoding_format" must be float or base64'],
  [{ encoding_format: 5 }, '"encoding_format" must be a text'],
  [{ dimensions: 256 }, '"dimensions" is not supported'],
  [{ model: 5 }, '"model" must be'],
];

test('every field that is malformed or not supported is an error that names it', () => {
  assertRefused((fields) => readEmbedding({ input: 'a', ...fields }), refused);
});

test('embeddings are not streamed', () => {
  assert.throws(() => readEmbedding({ input: 'a', stream: true }).stream(CONTEXT), { code: 'INVALID_REQUEST' });
});
