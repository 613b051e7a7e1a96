import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layersThatFit, parseGpuLayers } from './gpu-layers.ts';

test('GPU layers are auto, none or a number', () => {
  assert.deepEqual(['auto', ' AUTO ', '-1', '0', '33'].map(parseGpuLayers), [-1, -1, -1, 0, 33]);
});

test('other values are refused with the allowed ones', () => {
  for (const text of ['', 'all', '-2', '1.5', '1e3', '99999', '0x10']) {
    assert.throws(() => parseGpuLayers(text), { code: 'INVALID_REQUEST', message: /auto, 0 for none/ });
  }
});

const SEVEN_BILLION = { bytes: 4e9, layers: 32, keyWidth: 1024 };

test('all layers and the output go to a GPU with enough memory', () => {
  assert.equal(layersThatFit(SEVEN_BILLION, { freeBytes: [16e9], contextTokens: 4096 }), 33);
});

test('a smaller GPU gets the layers that fit, and a full one gets none', () => {
  const some = layersThatFit(SEVEN_BILLION, { freeBytes: [3e9], contextTokens: 4096 });
  assert.ok(some > 10 && some < 20, String(some));
  assert.equal(layersThatFit(SEVEN_BILLION, { freeBytes: [0.5e9], contextTokens: 4096 }), 0);
});

test('several cards count together, and each keeps its reserve and holds whole layers', () => {
  const onCards = (...freeBytes: number[]) => layersThatFit(SEVEN_BILLION, { freeBytes, contextTokens: 4096 });
  assert.equal(onCards(3e9, 3e9), 2 * onCards(3e9));
  assert.equal(onCards(3e9, 0.5e9), onCards(3e9));
  assert.equal(onCards(3e9, 3e9, 3e9), 33);
  assert.equal(onCards(), 0);
});

test('a longer context leaves memory for fewer layers', () => {
  const [short, long] = [4_096, 131_072].map((contextTokens) =>
    layersThatFit(SEVEN_BILLION, { freeBytes: [6e9], contextTokens }),
  );
  assert.ok((short ?? 0) > (long ?? 0));
});
