import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abilitiesNeeded, type Ability, canAnswer, checkAbilities } from './model.ts';
import { type InferenceRequest, promptInput } from './request.ts';

const chat: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };
const tools = [{ name: 'add' }];

const needs: readonly [string, InferenceRequest, readonly Ability[]][] = [
  ['a chat needs messages', chat, ['messages']],
  ['a raw text needs to be gone on from', { ...chat, input: { type: 'text', text: '' } }, ['prompt']],
  ['token ids need to be taken', { ...chat, input: { type: 'tokens', tokens: [1] } }, ['tokens']],
  ['texts need vectors', { ...chat, input: { type: 'embeddings', texts: ['a'] } }, ['embeddings']],
  ['an empty list of tools needs nothing', { ...chat, tools: [], toolChoice: 'none' }, ['messages']],
  [
    'everything at once needs each of it',
    { ...chat, tools, format: { type: 'json' }, logprobs: 0 },
    ['messages', 'tools', 'json', 'logprobs'],
  ],
];
for (const [what, request, abilities] of needs) {
  test(what, () => assert.deepEqual(abilitiesNeeded(request), abilities));
}

test('a model that does not tell what it can do may be asked for anything', () => {
  assert.ok(canAnswer({ id: 'old' }, { ...chat, tools, logprobs: 20 }));
  assert.doesNotThrow(() => checkAbilities({ id: 'old' }, { ...chat, tools }));
});

test('a model that lacks something is refused for that, which is named with what it can do', () => {
  const model = { id: 'tiny', abilities: ['messages', 'json'] } as const;
  assert.ok(canAnswer(model, { ...chat, format: { type: 'json' } }));
  assert.ok(!canAnswer({ id: 'nothing', abilities: [] }, chat));
  assert.throws(() => checkAbilities(model, { ...chat, tools, logprobs: 0, format: { type: 'json' } }), {
    code: 'INVALID_REQUEST',
    message: 'The model "tiny" cannot do what the request needs: tools, logprobs. It can: messages, json.',
  });
});
