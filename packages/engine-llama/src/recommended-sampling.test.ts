import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recommendedSampling } from './recommended-sampling.ts';

test('recommendations of a model file are read by their llama.cpp names', () => {
  assert.deepEqual(recommendedSampling(fileWith({ temp: '0', top_k: '20', top_p: '0.8', min_p: '0' })), {
    temperature: 0,
    topK: 20,
    topP: 0.8,
    minP: 0,
  });
});

test('a file without valid recommendations sets nothing', () => {
  assert.deepEqual(recommendedSampling(fileWith({})), {});
  assert.deepEqual(recommendedSampling(fileWith({ temp: 'cold', top_p: '-1', other: '1' })), {});
});

function fileWith(values: Readonly<Record<string, string>>): (key: string) => string | undefined {
  return (key) => values[key.replace('general.sampling.', '')];
}
