import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@shoal/protocol/request';
import { withOneSystemMessage } from './conversation.ts';

test('a conversation with one system message at its start, or none, is left as it is', () => {
  const conversations: readonly (readonly Message[])[] = [
    [],
    [system('a')],
    [user('a'), user('b')],
    [system('a'), user('b'), assistant('c'), user('d')],
  ];
  for (const messages of conversations) assert.equal(withOneSystemMessage(messages), messages);
});

test('system messages at the start are joined', () => {
  assert.deepEqual(withOneSystemMessage([system('a'), system('b'), user('c')]), [system('a\n\nb'), user('c')]);
  assert.deepEqual(withOneSystemMessage([system('a'), system('b')]), [system('a\n\nb')]);
});

test('a later system message is user text at its place', () => {
  const tool: Message = { role: 'tool', content: 'Rain.', toolCallId: 'call_0' };
  assert.deepEqual(withOneSystemMessage([user('a'), assistant('b'), system('c')]), [
    user('a'),
    assistant('b'),
    user('c'),
  ]);
  assert.deepEqual(withOneSystemMessage([tool, system('c'), assistant('d')]), [tool, user('c'), assistant('d')]);
});

test('a later system message joins the user message beside it, and no other user messages are joined', () => {
  assert.deepEqual(withOneSystemMessage([user('a'), system('b'), assistant('c')]), [user('a\n\nb'), assistant('c')]);
  assert.deepEqual(
    withOneSystemMessage([system('s'), assistant('a'), system('b'), system('c'), user('d'), user('e')]),
    [system('s'), assistant('a'), user('b\n\nc\n\nd'), user('e')],
  );
});

function system(content: string): Message {
  return { role: 'system', content };
}

function user(content: string): Message {
  return { role: 'user', content };
}

function assistant(content: string): Message {
  return { role: 'assistant', content };
}
