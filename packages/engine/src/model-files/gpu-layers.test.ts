import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layersThatFit, parseGpuLayers } from './gpu-layers.ts';

test('GPU layers are auto, none or a number', () => {
  assert.deepEqual(['auto', ' AUTO ', '-1', '0', '33'].map(parseGpuLayers), [-1, -1, -1, 0, 33]);
});

test('anything else is refused, and the message says what is allowed', () => {
  for (const text of ['', 'all', '-2', '1.5', '1e3', '99999', '0x10']) {
    assert.throws(() => parseGpuLayers(text), { code: 'INVALID_REQUEST', message: /auto, 0 for none/ });
  }
});

const SEVEN_BILLION = { bytes: 4e9, layers: 32, keyWidth: 1024 };

test('all layers and the output go to a GPU that has room', () => {
  assert.equal(layersThatFit(SEVEN_BILLION, { freeBytes: 16e9, contextTokens: 4096 }), 33);
});

test('a smaller one gets what fits, and a full one none', () => {
  const some = layersThatFit(SEVEN_BILLION, { freeBytes: 3e9, contextTokens: 4096 });
  assert.ok(some > 10 && some < 20, String(some));
  assert.equal(layersThatFit(SEVEN_BILLION, { freeBytes: 0.5e9, contextTokens: 4096 }), 0);
});

test('a longer context leaves room for fewer', () => {
  const [short, long] = [4_096, 131_072].map((contextTokens) =>
    layersThatFit(SEVEN_BILLION, { freeBytes: 6e9, contextTokens }),
  );
  assert.ok((short ?? 0) > (long ?? 0));
});
