import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeApiAccess } from '@shoal/host/home/api-file';
import { findDemoModel } from '@shoal/host/engines';
import { openTestApi, TEST_TOKEN } from '../../../node/src/testing/test-api.ts';
import { FakeNode } from '../../../node/src/testing/fake-node.ts';
import { temporaryHome } from '../../../../packages/host/src/testing/temporary-home.ts';
import { emptyConversation } from './conversation.ts';
import { findConversation, saveNamedConversation } from './saved-conversations.ts';

const path = findDemoModel() ?? '';
const skip = path === '' ? 'the demo model is not part of this checkout' : false;

test('a conversation is not saved under the name of a model', { skip }, async (t) => {
  const home = temporaryHome(t);
  const context = { home, json: false };
  const folder = join(home.data, 'gguf');
  mkdirSync(folder);
  copyFileSync(path, join(folder, 'Taken.gguf'));
  writeFileSync(join(home.config, 'config.json'), JSON.stringify({ modelFolders: [folder] }));
  const talk = emptyConversation('Taken');
  await assert.rejects(saveNamedConversation(context, 'taken', talk), {
    code: 'INVALID_REQUEST',
    message: /a model’s name/,
  });
  assert.equal(await findConversation(context, 'taken'), undefined);
  await saveNamedConversation(context, 'free', talk);
  assert.deepEqual(await findConversation(context, 'FREE'), talk);
});

test('a conversation is not saved under the name of a model that only the node has', async (t) => {
  const home = temporaryHome(t);
  const { api, node } = await openTestApi(t);
  node.status = () => ({ ...new FakeNode().status(), lends: true, models: [{ id: 'Lent' }] });
  await writeApiAccess(home, { port: api.port, pid: process.pid, token: TEST_TOKEN });
  const context = { home, json: false };
  const talk = emptyConversation('Lent');
  await assert.rejects(saveNamedConversation(context, 'lent', talk), {
    code: 'INVALID_REQUEST',
    message: /a model’s name/,
  });
  await saveNamedConversation(context, 'free', talk);
});
