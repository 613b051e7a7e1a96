import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestApi } from '../../testing/test-api.ts';

const OFFERED = [{ id: 'base', peers: [], isOwn: true }];

test('a node that lends only models that answer no messages is not ready, and says why', async (t) => {
  const { api, node } = await openTestApi(t, {}, (fake) => {
    fake.offered = OFFERED;
    fake.lent = [{ id: 'base', abilities: ['prompt', 'tokens'] }];
  });
  const refused = await fetch(`${api.url}/readyz`);
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /answers no messages: base/);
  node.lent = [...node.lent, { id: 'chat', abilities: ['messages', 'prompt'] }];
  const ready = await fetch(`${api.url}/readyz`);
  assert.equal(ready.status, 200);
  await ready.body?.cancel();
});

test('a node is not ready while the processes of all models that it lends have failed', async (t) => {
  const { api, node } = await openTestApi(t, {}, (fake) => {
    fake.offered = OFFERED;
    fake.lent = [{ id: 'base' }, { id: 'other' }];
    fake.failed = ['base', 'other'];
  });
  const refused = await fetch(`${api.url}/readyz`);
  assert.equal(refused.status, 503);
  assert.match(await refused.text(), /failed and is started again: base, other/);
  node.failed = ['other'];
  const ready = await fetch(`${api.url}/readyz`);
  assert.equal(ready.status, 200);
  await ready.body?.cancel();
});
