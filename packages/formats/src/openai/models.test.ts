import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeModel, writeModelList } from './models.ts';

test('a model is listed once, with its context length under both names', () => {
  const model = {
    id: 'org/tiny:latest',
    digest: 'sha256:00',
    contextLength: 4096,
    quantization: 'F16',
    abilities: ['messages'],
    peers: ['ann', 'bob'],
    isOwn: true,
    modifiedAt: 5_999,
  } as const;
  const written = {
    id: 'org/tiny:latest',
    object: 'model',
    created: 5,
    owned_by: 'shoal',
    context_length: 4096,
    max_model_len: 4096,
    shoal: { digest: 'sha256:00', quantization: 'F16', abilities: ['messages'], own: true, peers: ['ann', 'bob'] },
  };
  assert.deepEqual(writeModel(model), written);
  assert.deepEqual(writeModelList([model]), { object: 'list', data: [written] });
});

test('facts that are unknown are left out', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(writeModel({ id: 'tiny', peers: [], isOwn: false }))), {
    id: 'tiny',
    object: 'model',
    created: 0,
    owned_by: 'shoal',
    shoal: { own: false, peers: [] },
  });
});
