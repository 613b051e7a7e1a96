import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelInfo } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { chooseModel } from './auto-model.ts';

const request = (prompt: string, more: Partial<InferenceRequest> = {}): InferenceRequest => ({
  input: promptInput(prompt),
  sampling: {},
  stop: [],
  ...more,
});
const CHAT = ['messages', 'json'] as const;
const MODELS: readonly ModelInfo[] = [
  { id: 'qwen3:32b', abilities: [...CHAT, 'tools'], contextLength: 32_768 },
  { id: 'llama3.2:1b', abilities: CHAT, contextLength: 4_096 },
  { id: 'gemma3-4b', abilities: [...CHAT, 'tools'], contextLength: 8_192 },
];
const chosen = (asked: InferenceRequest, models = MODELS, order?: readonly string[]): string | undefined =>
  chooseModel(asked, models, order)?.model;

test('a short prompt gets the lightest model, and code, reasoning and long prompts get the strongest', () => {
  assert.equal(chosen(request('Hello! How are you?')), 'llama3.2:1b');
  assert.equal(chosen(request('What class do I fly in with this ticket?')), 'llama3.2:1b');
  for (const prompt of ['Why does this fail?\n```js\nfoo()\n```', 'Prove that 2 is prime.', 'x'.repeat(9_000)]) {
    assert.equal(chosen(request(prompt)), 'qwen3:32b', prompt.slice(0, 20));
  }
});

test('tools, JSON and prompts of some length get a model in the middle', () => {
  assert.equal(chosen(request('Hi', { format: { type: 'json' } })), 'gemma3-4b');
  assert.equal(chosen(request('word '.repeat(300))), 'gemma3-4b');
});

test('only models that have the abilities and the context are chosen', () => {
  assert.equal(chosen(request('Hi', { tools: [{ name: 'add' }] })), 'qwen3:32b');
  assert.equal(chosen(request('x'.repeat(40_000)), MODELS.slice(1)), undefined);
  assert.equal(chosen(request('Hi', { input: { type: 'embeddings', texts: ['Hi'] } })), undefined);
});

test('the order of the user decides, and its other models are not chosen', () => {
  assert.equal(chosen(request('Hello'), MODELS, ['gemma3-4b', 'llama3.2:1b']), 'gemma3-4b');
  assert.equal(chosen(request('Prove it.'), MODELS, ['gemma3-4b', 'llama3.2:1b']), 'llama3.2:1b');
  assert.equal(chosen(request('Hello'), MODELS, ['not-on-offer']), 'llama3.2:1b');
});

test('signs are searched in what the user asks, not in the system message', () => {
  const input = {
    type: 'messages',
    messages: [
      { role: 'system', content: 'You refactor and debug source code.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Prove it.' },
    ],
  } as const;
  assert.deepEqual(chooseModel(request('', { input }), MODELS), {
    model: 'llama3.2:1b',
    reason: 'light: short prompt; 3 models can answer',
  });
});
