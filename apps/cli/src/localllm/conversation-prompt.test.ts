import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_PROMPT_BYTES } from '@shoal/protocol/localllm';
import type { Message } from '@shoal/protocol/request';
import { conversationPrompt } from './conversation-prompt.ts';

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

test('a first message is sent as it is, and later ones with what was said before', () => {
  assert.equal(conversationPrompt([user('Hi')]), 'Hi');
  assert.equal(
    conversationPrompt([{ role: 'system', content: 'Be brief.' }, user('Hi'), assistant('Hello!'), user('Who am I?')]),
    'Earlier in this conversation:\nInstructions: Be brief.\nI said: Hi\nYou said: Hello!\n\nNow I say:\nWho am I?',
  );
});

test('the oldest turns are left out at the limit of the dialect, and a question that fits alone is sent alone', () => {
  const turn = (letter: string): Message[] => [user(letter.repeat(1_500)), assistant(letter.repeat(1_500))];
  const prompt = conversationPrompt([...turn('a'), ...turn('b'), ...turn('c'), user('é?')]);
  assert.ok(Buffer.byteLength(prompt) <= MAX_PROMPT_BYTES);
  assert.ok(!prompt.includes('aaa') && prompt.includes('bbb') && prompt.endsWith('é?'));
  const long = 'x'.repeat(MAX_PROMPT_BYTES);
  assert.equal(conversationPrompt([...turn('a'), user(long)]), long);
});
