import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceRequest, promptInput } from '../request.ts';
import { MAX_EMBED_TEXTS, MAX_TOOL_NAME_LENGTH, MAX_TOOLS } from '../request-fields/index.ts';
import { MAX_LOGIT_BIASES } from '../sampling.ts';
import { readRequest, requestMessage } from './request.ts';

const isBadMessage = { code: 'BAD_MESSAGE' };
const tools = [{ name: 'weather', parameters: { type: 'object' } }];

const overTheWire = (request: InferenceRequest) =>
  readRequest(JSON.parse(JSON.stringify(requestMessage('1', request))) as { [key: string]: unknown });

test('a request with every field arrives unchanged', () => {
  const request: InferenceRequest = {
    model: 'tiny',
    input: {
      type: 'messages',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Is it raining?' },
        { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'weather', arguments: '{"at":"Kiel"}' }] },
        { role: 'tool', content: 'yes', toolCallId: 'a' },
        { role: 'tool', content: 'no' },
        { role: 'assistant', content: 'Yes.' },
      ],
    },
    sampling: {
      maxTokens: 5,
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.1,
      repeatPenalty: 1.1,
      presencePenalty: -1,
      frequencyPenalty: 2,
      logitBias: [
        [7, -100],
        [8, 1.5],
      ],
      seed: 1,
    },
    stop: ['\n'],
    tools: [{ ...tools[0], name: 'weather', description: 'Returns the weather.' }, { name: 'time' }],
    toolChoice: { name: 'time' },
    parallelToolCalls: false,
    format: { type: 'json_schema', schema: { type: 'object', properties: { a: { enum: [null, 1] } } } },
    logprobs: 0,
    resume: { text: 'Y', tokens: [3] },
    deadlineMs: 5_000,
  };
  assert.deepEqual(overTheWire(request), request);
  const texts: InferenceRequest = { input: { type: 'embeddings', texts: ['a', ''] }, sampling: {}, stop: [] };
  assert.deepEqual(overTheWire(texts), texts);
  for (const toolChoice of ['auto', 'none', 'required'] as const) {
    const chosen = { input: promptInput('Hi'), sampling: {}, stop: [], tools, toolChoice };
    assert.deepEqual(overTheWire(chosen), chosen);
  }
  const json: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [], format: { type: 'json' } };
  assert.deepEqual(overTheWire(json), json);
});

test('an empty list of tools or biases is the same as none', () => {
  const message = { prompt: 'Hi', tools: [], logit_bias: [], messages: null };
  assert.deepEqual(readRequest(message), { input: promptInput('Hi'), sampling: {}, stop: [] });
});

test('an assistant message requires content unless it has tool calls', () => {
  const call = { id: '', name: 'weather', arguments: '{' };
  const [message] = [{ messages: [{ role: 'assistant', content: null, tool_calls: [call] }] }].map(readRequest);
  assert.deepEqual(message?.input, {
    type: 'messages',
    messages: [{ role: 'assistant', content: '', toolCalls: [call] }],
  });
  assert.throws(() => readRequest({ messages: [{ role: 'assistant' }] }), isBadMessage);
});

const wrong: readonly [string, object][] = [
  ['too many tools', { tools: Array.from({ length: MAX_TOOLS + 1 }, () => ({ name: 'a' })) }],
  ['tools that are not objects', { tools: ['a'] }],
  ['a tool without a name', { tools: [{ name: '' }] }],
  ['a tool with a long name', { tools: [{ name: 'x'.repeat(MAX_TOOL_NAME_LENGTH + 1) }] }],
  ['a tool whose parameters are not an object', { tools: [{ name: 'a', parameters: [] }] }],
  ['an unknown tool choice', { tools, tool_choice: 'any' }],
  ['a choice without a name', { tools, tool_choice: {} }],
  ['a choice of an unknown tool', { tools, tool_choice: { name: 'time' } }],
  ['a required tool without tools', { tool_choice: 'required' }],
  ['tools for a raw text', { raw: true, tools }],
  ['a format of an unknown type', { response_format: { type: 'xml' } }],
  ['a schema that is not an object', { response_format: { type: 'json_schema', schema: true } }],
  ['more alternatives than 20', { logprobs: 21 }],
  ['logprobs in the form of OpenAI', { logprobs: true }],
  ['a penalty that divides by zero', { repeat_penalty: 0 }],
  ['a penalty out of bounds', { presence_penalty: -11 }],
  ['a bias that is not a pair', { logit_bias: [[1, 2, 3]] }],
  ['a bias without a valid token', { logit_bias: [[-1, 2]] }],
  ['a bias out of bounds', { logit_bias: [[1, 101]] }],
  ['biases in the form of OpenAI', { logit_bias: { 1: 100 } }],
  ['too many biases', { logit_bias: Array.from({ length: MAX_LOGIT_BIASES + 1 }, () => [1, 1]) }],
  ['a prompt and texts', { embed: ['a'] }],
  ['no text to embed', { prompt: null, embed: [] }],
  ['too many texts', { prompt: null, embed: Array.from({ length: MAX_EMBED_TEXTS + 1 }, () => 'a') }],
  ['a format for vectors', { prompt: null, embed: ['a'], response_format: { type: 'json_object' } }],
  ['an unknown role', { prompt: null, messages: [{ role: 'function', content: '' }] }],
  [
    'a call without arguments',
    { prompt: null, messages: [{ role: 'assistant', tool_calls: [{ id: 'a', name: 'a' }] }] },
  ],
];
for (const [what, fields] of wrong) {
  test(`${what} is a bad message`, () => {
    assert.throws(() => readRequest({ prompt: 'Hi', ...fields }), isBadMessage);
  });
}
