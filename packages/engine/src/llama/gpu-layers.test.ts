import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGpuLayers } from './gpu-layers.ts';

test('GPU layers are auto, none or a number', () => {
  assert.deepEqual(['auto', ' AUTO ', '-1', '0', '33'].map(parseGpuLayers), [-1, -1, -1, 0, 33]);
});

test('anything else is refused, and the message says what is allowed', () => {
  for (const text of ['', 'all', '-2', '1.5', '1e3', '99999', '0x10']) {
    assert.throws(() => parseGpuLayers(text), { code: 'INVALID_REQUEST', message: /auto, 0 for none/ });
  }
});
