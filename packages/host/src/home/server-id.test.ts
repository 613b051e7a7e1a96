import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { encodeServerId } from '@shoal/protocol/localllm';
import { homeFiles } from './home.ts';
import { createTopic, loadTopic } from './server-id.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

test('a kept Server ID is the same at each start, and only its owner can read it', async (context) => {
  const home = temporaryHome(context);
  const topic = await loadTopic(home);
  assert.deepEqual(await loadTopic(home), topic);
  const { serverId } = homeFiles(home);
  assert.equal(readFileSync(serverId, 'utf8'), `${encodeServerId(topic)}\n`);
  assert.equal(statSync(serverId).mode & 0o777, 0o600);
  assert.notDeepEqual(createTopic(), createTopic());
});

test('a file that other users can read or that is not valid is refused', async (context) => {
  const home = temporaryHome(context);
  const { serverId } = homeFiles(home);
  writeFileSync(serverId, 'nonsense\n', { mode: 0o600 });
  await assert.rejects(loadTopic(home), { code: 'INVALID_SERVER_ID', message: /must contain a Server ID/ });
  chmodSync(serverId, 0o644);
  await assert.rejects(loadTopic(home), { code: 'UNAUTHORIZED' });
});
