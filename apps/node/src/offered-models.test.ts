import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '@shoal/network';
import type { ModelInfo } from '@shoal/protocol';
import { offeredModels } from './offered-models.ts';

function peer(name: string, models: readonly ModelInfo[], lends = true): Peer {
  const link = { connection: { remote: { transport: 'memory', address: '', initiator: true } } } as Peer['link'];
  return { key: name, link, info: { dialect: 'shoal', name, models, lends }, connectedAt: 0, lastSeenAt: 0 };
}

test('a model is one row, whoever lends it, with the smallest context and all abilities', () => {
  const own = [peer('me', [{ id: 'tiny', contextLength: 4_096, abilities: ['messages'] }])];
  const peers = [
    peer('A', [{ id: 'tiny', contextLength: 2_048, abilities: ['messages', 'tools'] }, { id: 'big' }]),
    peer('B', [{ id: 'big', contextLength: 8_192, abilities: ['messages'] }]),
    peer('C', [{ id: 'hidden' }], false),
  ];
  assert.deepEqual(offeredModels(own, peers), [
    { id: 'big', contextLength: 8_192, abilities: undefined, peers: ['A', 'B'], isOwn: false },
    { id: 'tiny', contextLength: 2_048, abilities: ['messages', 'tools'], peers: ['A'], isOwn: true },
  ]);
});

test('names are printable', () => {
  const [model] = offeredModels([], [peer('A\u001b[31m', [{ id: 'odd\u0007' }])]);
  assert.ok(model);
  assert.doesNotMatch(model.id + model.peers.join(''), /\p{Cc}/u);
});
