import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceRequest, promptInput, promptOf } from './request.ts';

const prompt: InferenceRequest = { input: promptInput('Hi'), sampling: { maxTokens: 5 }, stop: ['\n'] };

test('a single user message is a prompt', () => {
  assert.equal(promptOf(prompt, 'A peer'), 'Hi');
});

const others: readonly [string, Partial<InferenceRequest>][] = [
  [
    'a conversation',
    { input: { type: 'messages', messages: [...Array(2)].map(() => ({ role: 'user', content: '' })) } },
  ],
  ['no message', { input: { type: 'messages', messages: [] } }],
  ['a tool message', { input: { type: 'messages', messages: [{ role: 'tool', content: '' }] } }],
  ['raw text', { input: { type: 'text', text: 'Hi' } }],
  ['token ids', { input: { type: 'tokens', tokens: [1] } }],
  ['texts to embed', { input: { type: 'embeddings', texts: ['Hi'] } }],
  ['an answer to resume', { resume: { text: '', tokens: [] } }],
  ['tools', { tools: [{ name: 'add' }] }],
  ['a format', { format: { type: 'json' } }],
  ['log probabilities', { logprobs: 0 }],
];
for (const [what, more] of others) {
  test(`${what} is refused with the name of the recipient`, () => {
    assert.throws(() => promptOf({ ...prompt, ...more }, 'A peer'), { code: 'INVALID_REQUEST', message: /^A peer/ });
  });
}
