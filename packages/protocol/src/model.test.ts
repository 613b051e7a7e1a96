import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abilitiesNeeded, type Ability, canAnswer, checkAbilities, isNamed } from './model.ts';

test('a model is named by its id, its digest, its id without the tag latest, and the demo model by demo', () => {
  const named = (id: string, name: string): boolean => isNamed({ id, digest: 'sha256:a' }, name);
  assert.ok(named('tiny:1b', 'tiny:1b') && named('tiny:1b', 'sha256:a') && named('tiny:latest', 'tiny'));
  assert.ok(named('shoal-demo', 'demo') && !named('tiny:1b', 'tiny') && !named('other', 'demo'));
});
import { type InferenceRequest, promptInput } from './request.ts';

const chat: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };
const tools = [{ name: 'add' }];

const needs: readonly [string, InferenceRequest, readonly Ability[]][] = [
  ['a conversation requires messages', chat, ['messages']],
  ['raw text requires prompt', { ...chat, input: { type: 'text', text: '' } }, ['prompt']],
  ['token ids require tokens', { ...chat, input: { type: 'tokens', tokens: [1] } }, ['tokens']],
  ['texts require embeddings', { ...chat, input: { type: 'embeddings', texts: ['a'] } }, ['embeddings']],
  ['an empty list of tools requires nothing', { ...chat, tools: [], toolChoice: 'none' }, ['messages']],
  [
    'a request with every option requires each ability',
    { ...chat, tools, format: { type: 'json' }, logprobs: 0 },
    ['messages', 'tools', 'json', 'logprobs'],
  ],
];
for (const [what, request, abilities] of needs) {
  test(what, () => assert.deepEqual(abilitiesNeeded(request), abilities));
}

test('a model with unknown abilities accepts every request', () => {
  assert.ok(canAnswer({ id: 'old' }, { ...chat, tools, logprobs: 20 }));
  assert.doesNotThrow(() => checkAbilities({ id: 'old' }, { ...chat, tools }));
});

test('a missing ability is refused with the abilities that the model lacks and has', () => {
  const model = { id: 'tiny', abilities: ['messages', 'json'] } as const;
  assert.ok(canAnswer(model, { ...chat, format: { type: 'json' } }));
  assert.ok(!canAnswer({ id: 'nothing', abilities: [] }, chat));
  assert.throws(() => checkAbilities(model, { ...chat, tools, logprobs: 0, format: { type: 'json' } }), {
    code: 'INVALID_REQUEST',
    message: 'The model "tiny" cannot do what the request needs: tools, logprobs. It can: messages, json.',
  });
});
