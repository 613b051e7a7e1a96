import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findDemoModel } from '@shoal/node/engine-choice';
import { temporaryHome } from '../../../node/src/testing/temporary-home.ts';
import { emptyConversation } from './conversation.ts';
import { findConversation, keepConversation } from './kept.ts';

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
  await assert.rejects(keepConversation(context, 'taken', talk), {
    code: 'INVALID_REQUEST',
    message: /a model’s name/,
  });
  assert.equal(await findConversation(context, 'taken'), undefined);
  await keepConversation(context, 'free', talk);
  assert.deepEqual(await findConversation(context, 'FREE'), talk);
});
