import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { homeFiles } from './home.ts';
import { loadIdentity } from './identity.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

test('an identity is created once and stays the same', async (t) => {
  const home = temporaryHome(t);
  const first = await loadIdentity(home);
  assert.equal(first.length, 32);
  assert.deepEqual(await loadIdentity(home), first);
  assert.notDeepEqual(await loadIdentity(temporaryHome(t)), first);
});

test('an identity that other users can read or that is not valid is refused', async (t) => {
  const home = temporaryHome(t);
  await loadIdentity(home);
  chmodSync(homeFiles(home).identity, 0o644);
  await assert.rejects(loadIdentity(home), { code: 'UNAUTHORIZED', message: /chmod 600/ });
  chmodSync(homeFiles(home).identity, 0o600);
  writeFileSync(homeFiles(home).identity, 'not hex');
  await assert.rejects(loadIdentity(home), { code: 'INVALID_REQUEST', message: /64 hex digits/ });
});
