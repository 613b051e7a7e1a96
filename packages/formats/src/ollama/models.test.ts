import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OfferedModel } from '../models.ts';
import { writeLoaded, writeShow, writeTags } from './models.ts';
import { ARRIVED_AT, shapeOf } from './testing/answers.ts';

const OWN: OfferedModel = {
  id: 'demo:latest',
  digest: `sha256:${'51f7'.repeat(16)}`,
  contextLength: 1024,
  quantization: 'F16',
  abilities: ['messages', 'prompt', 'tools', 'reasoning', 'json'],
  peers: ['anna'],
  isOwn: true,
  modifiedAt: ARRIVED_AT,
  sizeBytes: 3_810_717,
  architecture: 'llama',
  parameterCount: 1_894_080,
  template: '{{ messages }}',
};
const REMOTE: OfferedModel = { id: 'org/far', peers: ['anna', 'berta'], isOwn: false };

/** A row of `/api/tags` and of `/api/ps` of Ollama 0.17.4. */
const RECORDED = {
  tag: '{"name":"shoal-demo:latest","model":"shoal-demo:latest","modified_at":"2026-11-21T19:13:47.350684977Z","size":3810717,"digest":"51f7eb2bd07a845497469999a61737a90fe3d722152feb97b691bcc8ef622cd9","details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"1.89M","quantization_level":"F16"}}',
  loaded:
    '{"name":"shoal-demo:latest","model":"shoal-demo:latest","size":18061737,"digest":"51f7eb2bd07a845497469999a61737a90fe3d722152feb97b691bcc8ef622cd9","details":{"parent_model":"","format":"gguf","family":"llama","families":["llama"],"parameter_size":"1.89M","quantization_level":"F16"},"expires_at":"2026-11-21T19:18:49.020029724Z","size_vram":0,"context_length":64}',
};

test('tags have the fields of Ollama, the latest model first, and name the peers of remote models', () => {
  const older: OfferedModel = { ...OWN, id: 'old', modifiedAt: 5 };
  const [first, second, third] = rows(writeTags([REMOTE, older, OWN]));
  assert.deepEqual(shapeOf(first), shapeOf(JSON.parse(RECORDED.tag)));
  assert.partialDeepStrictEqual(first, {
    name: 'demo:latest',
    modified_at: '2026-01-02T03:04:05.000Z',
    digest: '51f7'.repeat(16),
    details: { family: 'llama', families: ['llama'], parameter_size: '1.89M', quantization_level: 'F16' },
  });
  assert.partialDeepStrictEqual(second, { name: 'old', modified_at: '1970-01-01T00:00:00.005Z' });
  assert.partialDeepStrictEqual(third, {
    name: 'org/far',
    remote_model: 'org/far',
    remote_host: 'anna, berta',
    size: 0,
  });
});

test('the size of a model is written as Ollama writes it', () => {
  const sizes = [4_300_000_000, 8e9, 137_000_000, 22_654_000, 7_500, 12].map((parameterCount) => {
    const [row] = rows(writeTags([{ ...OWN, parameterCount }]));
    return row !== undefined && 'details' in row ? row.details : undefined;
  });
  const expected = ['4.3B', '8B', '137M', '22.65M', '8K', '12'];
  for (const [index, size] of expected.entries()) assert.partialDeepStrictEqual(sizes[index], { parameter_size: size });
});

test('loaded models have the fields of Ollama, those that stay longest first', () => {
  const leaving = { ...OWN, memoryBytes: 18_061_737, leavesInMs: 300_000 };
  const [first, second] = rows(writeLoaded([leaving, { ...REMOTE, leavesInMs: Infinity }], ARRIVED_AT));
  assert.partialDeepStrictEqual(first, { name: 'org/far', expires_at: '2318-04-14T02:51:21.854Z' });
  assert.deepEqual(shapeOf(second), shapeOf(JSON.parse(RECORDED.loaded)));
  assert.partialDeepStrictEqual(second, {
    size: 18_061_737,
    expires_at: '2026-01-02T03:09:05.000Z',
    context_length: 1024,
  });
});

test('a shown model has its capabilities, its context length as served and, if asked for, its template', () => {
  const shown = JSON.parse(JSON.stringify(writeShow(OWN)));
  assert.deepEqual(shown.model_info, {
    'general.architecture': 'llama',
    'general.parameter_count': 1_894_080,
    'llama.context_length': 1024,
  });
  assert.deepEqual(shown.capabilities, ['completion', 'tools', 'thinking']);
  assert.deepEqual([shown.template, shown.parameters, shown.remote_host], ['', '', undefined]);
  assert.match(shown.modelfile, /^FROM demo:latest$/m);
  assert.partialDeepStrictEqual(writeShow(OWN, true), { model_info: { 'tokenizer.chat_template': '{{ messages }}' } });
});

test('a shown model of unknown kind has its context length too', () => {
  assert.partialDeepStrictEqual(writeShow({ ...REMOTE, contextLength: 512 }), {
    remote_model: 'org/far',
    remote_host: 'anna, berta',
    model_info: { 'general.architecture': 'unknown', 'unknown.context_length': 512 },
    capabilities: ['completion'],
  });
  assert.partialDeepStrictEqual(writeShow({ ...REMOTE, abilities: ['embeddings'] }), { capabilities: ['embedding'] });
});

function rows(body: object): readonly object[] {
  const models: unknown = 'models' in body ? body.models : undefined;
  assert.ok(Array.isArray(models));
  return models;
}
