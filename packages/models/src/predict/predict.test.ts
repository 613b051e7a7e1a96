import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GgufDescription } from '../gguf/describe.ts';
import { predictMemory } from './memory.ts';
import { smallestTier } from './tier.ts';

const MIB = 1024 ** 2;

/** 134 million weights as Q8_0. Measured after the embedded engine read a prompt: 213 and 429 MiB (bench/memory.ts). */
const MODEL: GgufDescription = {
  version: 3,
  architecture: 'llama',
  parameterCount: 134_000_000,
  quantisation: 'Q8_0',
  layerCount: 12,
  weightBytes: 136 * MIB,
  repackableBytes: 0,
  kvBytesPerToken: 12 * 2 * 768 * 2,
  embeddingLength: 768,
  feedForwardLength: 2048,
  vocabularySize: 32_000,
  headCount: 12,
};

test('the prediction is close to the measured memory', () => {
  for (const [contextLength, slots, measured] of [
    [2048, 1, 213],
    [2048, 4, 429],
  ] as const) {
    const ratio = predictMemory(MODEL, { contextLength, slots }).totalBytes / (measured * MIB);
    assert.ok(ratio > 0.9 && ratio < 1.15, `${contextLength} × ${slots}: ${ratio}`);
  }
});

test('repacked weights count as reclaimable', () => {
  // 558 million weights as Q4_0, measured in the same way: 877.4 MiB, of which 277 are the file's mapped pages.
  const model = {
    ...MODEL,
    weightBytes: 299.5 * MIB,
    repackableBytes: 299 * MIB,
    kvBytesPerToken: 24 * 2 * 1280 * 2,
    embeddingLength: 1280,
    feedForwardLength: 3456,
    headCount: 20,
  };
  const { totalBytes, reclaimableBytes } = predictMemory(model, { contextLength: 2048, slots: 1 });
  const ratio = (totalBytes + reclaimableBytes) / (877.4 * MIB);
  assert.ok(ratio > 0.9 && ratio < 1.15, String(ratio));
});

test('sliding-window layers cache at most the window and a batch', () => {
  const windowed = { kvBytesPerToken: MODEL.kvBytesPerToken / 2, tokens: 1024 };
  const { cacheBytes } = predictMemory({ ...MODEL, windowed }, { contextLength: 8192, slots: 2 });
  assert.equal(cacheBytes, 2 * (MODEL.kvBytesPerToken / 2) * (8192 + 1280));
});

test('without flash attention the scores of all heads count', () => {
  const options = { contextLength: 32_768, slots: 1 };
  const { computeBytes } = predictMemory(MODEL, { ...options, flashAttention: false });
  assert.ok(computeBytes >= 12 * 32_768 * 128 * 4);
  assert.ok(predictMemory(MODEL, options).computeBytes < computeBytes / 4);
});

test('the smallest tier is the one with the least memory that fits', () => {
  const tiers = [
    { name: 'tall', ramGb: 4 },
    { name: 'small', ramGb: 1 },
    { name: 'card', ramGb: 2, vramGb: 24 },
    { name: 'middle', ramGb: 2 },
  ];
  assert.equal(smallestTier(0.9e9, tiers)?.name, 'small');
  assert.equal(smallestTier(1.1e9, tiers)?.name, 'middle');
  assert.equal(smallestTier(20e9, tiers)?.name, 'card');
  assert.equal(smallestTier(25e9, tiers), undefined);
});
