import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { encodeServerId } from '@shoal/protocol/localllm';
import { homeFiles } from './home.ts';
import { freshTopic, keptTopic } from './server-id.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

test('a kept Server ID is the same at each start, and only its owner may read it', async (context) => {
  const home = temporaryHome(context);
  const topic = await keptTopic(home);
  assert.deepEqual(await keptTopic(home), topic);
  const { serverId } = homeFiles(home);
  assert.equal(readFileSync(serverId, 'utf8'), `${encodeServerId(topic)}\n`);
  assert.equal(statSync(serverId).mode & 0o777, 0o600);
  assert.notDeepEqual(freshTopic(), freshTopic());
});

test('a file that others may read, or that holds something else, is refused', async (context) => {
  const home = temporaryHome(context);
  const { serverId } = homeFiles(home);
  writeFileSync(serverId, 'nonsense\n', { mode: 0o600 });
  await assert.rejects(keptTopic(home), { code: 'INVALID_SERVER_ID', message: /must hold a Server ID/ });
  chmodSync(serverId, 0o644);
  await assert.rejects(keptTopic(home), { code: 'UNAUTHORIZED' });
});
