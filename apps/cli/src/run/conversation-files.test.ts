import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryHome } from '../../../../packages/host/src/testing/temporary-home.ts';
import type { Conversation } from './conversation.ts';
import { listConversations, readConversation, removeConversation, saveConversation } from './conversation-files.ts';

const TALK: Conversation = {
  model: 'tiny:1b',
  system: 'Be brief.',
  parameters: { numbers: { temperature: 0.5, num_ctx: 512 }, stop: ['END'] },
  format: { type: 'json_schema', schema: { type: 'object' } },
  messages: [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '{}' },
  ],
};

test('a conversation is read as it was saved, its name ignores case, and only the owner can read the file', async (t) => {
  const home = temporaryHome(t);
  await saveConversation(home, 'Talk', TALK);
  assert.deepEqual(await readConversation(home, 'talk'), TALK);
  assert.equal(await readConversation(home, 'other'), undefined);
  assert.equal(await readConversation(home, '../talk'), undefined);
  const [{ name, model, messages } = {}, ...others] = await listConversations(home);
  assert.deepEqual([name, model, messages, others], ['talk', 'tiny:1b', 2, []]);
  const folder = join(home.data, 'conversations');
  assert.deepEqual(readdirSync(folder), ['talk.json']);
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, 'talk.json')).mode & 0o777, 0o600);
  await removeConversation(home, 'TALK');
  await assert.rejects(removeConversation(home, 'talk'), { code: 'INVALID_REQUEST', message: /there are none/ });
});

test('a file that is not a valid conversation is an error', async (t) => {
  const home = temporaryHome(t);
  const folder = join(home.data, 'conversations');
  mkdirSync(folder);
  const broken = [
    'nonsense',
    '[]',
    '{"version":2}',
    '{"version":1,"model":"x","parameters":{},"messages":[{"role":"system","content":"x"}]}',
    '{"version":1,"model":"x","parameters":{"temperature":"0"},"messages":[]}',
    '{"version":1,"model":"x","parameters":{"unknown":["0"]},"messages":[]}',
  ];
  for (const text of broken) {
    writeFileSync(join(folder, 'talk.json'), text);
    await assert.rejects(readConversation(home, 'talk'), { code: 'INVALID_REQUEST' }, text);
  }
});
