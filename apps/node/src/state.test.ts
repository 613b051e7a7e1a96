import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { PeerView } from './api.ts';
import { homeFiles } from '@shoal/host/home';
import { RunRecord } from '@shoal/host/launch';
import { ShoalError } from '@shoal/protocol/error';
import { PeersFile } from './peers-file.ts';
import { remembering } from './remembering.ts';
import { NodeState } from './state.ts';
import { FakeNode } from './testing/fake-node.ts';
import { temporaryHome } from '@shoal/host/testing/temporary-home';

test('clusters and pid are kept in the shape that others read', async (t) => {
  const home = temporaryHome(t);
  const state = await NodeState.load(home);
  const keep = (id: string, lend: boolean | undefined): Promise<void> => state.keepCluster(id, lend, async () => {});
  await Promise.all([keep('a', true), keep('b', undefined), state.removeCluster('a', async () => {})]);
  await state.setPid(7);
  const document: unknown = JSON.parse(readFileSync(homeFiles(home).state, 'utf8'));
  assert.deepEqual(document, { clusters: [{ id: 'b', lend: false }], nodePid: 7 });
  assert.deepEqual((await NodeState.load(home)).clusters, [{ id: 'b', lend: false }]);
  await keep('b', true);
  await keep('b', undefined);
  assert.deepEqual((await NodeState.load(home)).clusters, [{ id: 'b', lend: true }]);
});

test('a cluster that cannot be recorded is neither joined nor left, and one that is not joined is not kept', async (t) => {
  const home = temporaryHome(t);
  const node = new FakeNode();
  const state = await NodeState.load(home);
  const control = remembering(node, state, new RunRecord(home, {}, {}));
  await control.join('a');
  await assert.rejects(control.leave('b'), { code: 'INVALID_REQUEST' });
  t.mock.method(node, 'join', () => Promise.reject(ShoalError.invalidRequest('no id')), { times: 1 });
  await assert.rejects(control.join('c'), { message: 'no id' });
  assert.deepEqual((await NodeState.load(home)).clusters, [{ id: 'a', lend: false }]);

  rmSync(homeFiles(home).state);
  // No file can replace a folder, so that every write fails.
  mkdirSync(homeFiles(home).state);
  await assert.rejects(control.join('b'), { message: /state\.json could not be written/ });
  await assert.rejects(control.leave('a'), { message: /state\.json could not be written/ });
  assert.deepEqual([...node.joined], ['a']);
  assert.deepEqual(state.clusters, [{ id: 'a', lend: false }]);
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
