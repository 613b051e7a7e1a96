import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceRequest, promptInput, promptOf } from './request.ts';

const prompt: InferenceRequest = { input: promptInput('Hi'), sampling: { maxTokens: 5 }, stop: ['\n'] };

test('one message of a user is a prompt', () => {
  assert.equal(promptOf(prompt, 'A peer'), 'Hi');
});

const others: readonly [string, Partial<InferenceRequest>][] = [
  [
    'a conversation',
    { input: { type: 'messages', messages: [...Array(2)].map(() => ({ role: 'user', content: '' })) } },
  ],
  ['a message of nobody', { input: { type: 'messages', messages: [] } }],
  ['a message of a tool', { input: { type: 'messages', messages: [{ role: 'tool', content: '' }] } }],
  ['raw text', { input: { type: 'text', text: 'Hi' } }],
  ['token ids', { input: { type: 'tokens', tokens: [1] } }],
  ['texts to embed', { input: { type: 'embeddings', texts: ['Hi'] } }],
  ['an answer to go on with', { resume: { text: '', tokens: [] } }],
  ['tools', { tools: [{ name: 'add' }] }],
  ['a format', { format: { type: 'json' } }],
  ['log probabilities', { logprobs: 0 }],
];
for (const [what, more] of others) {
  test(`${what} is more than a prompt, and who takes no more is named`, () => {
    assert.throws(() => promptOf({ ...prompt, ...more }, 'A peer'), { code: 'INVALID_REQUEST', message: /^A peer/ });
  });
}
