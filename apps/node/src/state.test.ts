import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { PeerView } from './api.ts';
import { homeFiles } from '@shoal/host/home';
import { PeersFile } from './peers-file.ts';
import { NodeState } from './state.ts';
import { temporaryHome } from '@shoal/host/testing/temporary-home';

test('clusters and pid are kept in the shape that others read', async (t) => {
  const home = temporaryHome(t);
  const state = await NodeState.load(home);
  await Promise.all([state.keepCluster('a', true), state.keepCluster('b', undefined), state.removeCluster('a')]);
  await state.setPid(7);
  const document: unknown = JSON.parse(readFileSync(homeFiles(home).state, 'utf8'));
  assert.deepEqual(document, { clusters: [{ id: 'b', lend: false }], nodePid: 7 });
  assert.deepEqual((await NodeState.load(home)).clusters, [{ id: 'b', lend: false }]);
  await state.keepCluster('b', true);
  await state.keepCluster('b', undefined);
  assert.deepEqual((await NodeState.load(home)).clusters, [{ id: 'b', lend: true }]);
});

test('a state of another shape is refused by name', async (t) => {
  const home = temporaryHome(t);
  for (const text of ['{"clusters":["a"]}', '[]', 'null', '{']) {
    writeFileSync(homeFiles(home).state, text);
    await assert.rejects(NodeState.load(home), { code: 'INVALID_REQUEST', message: /state\.json/ }, text);
  }
});

test('however many peers come at once, the last of them is in the file when it is closed', async (t) => {
  const home = temporaryHome(t);
  const file = new PeersFile(home, (error) => assert.fail(String(error)));
  for (let count = 1; count <= 50; count += 1) file.update(Array.from({ length: count }, (_, index) => peer(index)));
  await file.close();
  const document = JSON.parse(readFileSync(homeFiles(home).peers, 'utf8')) as { updated_at: string; peers: object[] };
  assert.ok(Date.parse(document.updated_at) > 0);
  assert.equal(document.peers.length, 50);
  assert.deepEqual(document.peers[49], {
    peer_id: '49',
    node_name: 'Node49',
    clusters: ['c'],
    connected_at: '2026-01-01T00:00:00.000Z',
    last_seen_at: '2026-01-01T00:00:01.000Z',
  });
});

function peer(index: number): PeerView {
  return {
    name: `Node${index}`,
    id: String(index),
    dialect: 'shoal',
    clusters: ['c'],
    models: [],
    connectedAt: '2026-01-01T00:00:00.000Z',
    lastSeenAt: '2026-01-01T00:00:01.000Z',
  };
}
