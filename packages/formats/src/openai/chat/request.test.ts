import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@shoal/protocol/json';
import { assertRefused, type Refusal } from '../testing/refusals.ts';
import { readChat } from './request.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const tool = { type: 'function', function: { name: 'weather' } };

const requestOf = (body: JsonObject) => readChat({ messages, ...body }).request;
const inputOf = (...given: readonly unknown[]) => {
  const { input } = readChat({ messages: given }).request;
  return input.type === 'messages' ? input.messages : [];
};

test('a call has its models in order, its number of answers and whether it streams', () => {
  const { models, count, streams, request } = readChat({
    model: 'a',
    models: ['b', 'a', 'c'],
    n: 3,
    stream: true,
    messages,
  });
  assert.deepEqual([models, count, streams], [['a', 'b', 'c'], 3, true]);
  assert.deepEqual(request, { input: { type: 'messages', messages }, sampling: {}, stop: [], reasoning: true });
  assert.deepEqual([readChat({ messages }).models, readChat({ messages }).count], [[], 1]);
});

test('harmless and unknown fields are accepted at every level', () => {
  const plain = requestOf({ tools: [tool] });
  const request = requestOf({
    messages: [{ role: 'user', name: 'Ann', content: [{ type: 'text', text: 'Hi', cache_control: {} }], other: 1 }],
    tools: [{ ...tool, defer_loading: true, function: { ...tool.function, strict: true, other: 1 } }],
    tool_choice: 'auto',
    response_format: { type: 'text', other: 1 },
    stop: null,
    n: null,
    functions: [],
    function_call: 'none',
    modalities: ['text'],
    audio: null,
    store: true,
    user: 'u',
    metadata: { a: 'b' },
    service_tier: 'auto',
    stream_options: { include_obfuscation: false },
    prompt_cache_key: 'k',
    prompt_cache_retention: '24h',
    safety_identifier: 's',
    verbosity: 'low',
    prediction: { type: 'content', content: 'x' },
    logit_bias: {},
    anything: { else: [] },
  });
  assert.deepEqual(request, { ...plain, toolChoice: 'auto' });
  assert.equal(requestOf({ tools: [], tool_choice: 'auto' }).tools, undefined);
});

test('fields that shape the answer reach the request', () => {
  const schema = { type: 'object' };
  assert.deepEqual(
    requestOf({
      max_completion_tokens: 32_000,
      temperature: 0,
      top_k: 4,
      min_p: 0.1,
      repeat_penalty: 1.2,
      seed: 0,
      logit_bias: { 5: -100 },
      stop: 'x',
      logprobs: true,
      tools: [tool],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
    }),
    {
      input: { type: 'messages', messages },
      sampling: {
        maxTokens: 32_000,
        temperature: 0,
        topK: 4,
        minP: 0.1,
        repeatPenalty: 1.2,
        seed: 0,
        logitBias: [[5, -100]],
      },
      stop: ['x'],
      logprobs: 0,
      tools: [{ name: 'weather' }],
      toolChoice: { name: 'weather' },
      parallelToolCalls: false,
      format: { type: 'json_schema', schema },
      reasoning: true,
    },
  );
});

test('an answer in JSON may have its schema in either place', () => {
  const schema = { type: 'object' };
  const formatOf = (format: JsonObject) => requestOf({ response_format: format }).format;
  assert.deepEqual(formatOf({ type: 'json_object' }), { type: 'json' });
  assert.deepEqual(formatOf({ type: 'json_object', schema }), { type: 'json_schema', schema });
  assert.deepEqual(formatOf({ type: 'json_schema', json_schema: { schema, strict: false } }), {
    type: 'json_schema',
    schema,
  });
});

test('reasoning is on unless one of its switches is off', () => {
  const off: readonly JsonObject[] = [
    { reasoning_effort: 'none' },
    { reasoning: { effort: 'none' } },
    { reasoning: { enabled: false } },
    { chat_template_kwargs: { enable_thinking: false } },
    { think: false },
  ];
  const on: readonly JsonObject[] = [
    {},
    { reasoning_effort: 'minimal' },
    { reasoning_effort: 'xhigh', reasoning: { summary: 'auto' } },
    { chat_template_kwargs: { enable_thinking: true, other: 1 } },
    { think: 'low' },
  ];
  for (const body of off) assert.equal(requestOf(body).reasoning, false, JSON.stringify(body));
  for (const body of on) assert.equal(requestOf(body).reasoning, true, JSON.stringify(body));
});

test('messages of real clients are read', () => {
  const calls = [{ id: 'c1', type: 'function', index: 0, function: { name: 'weather', arguments: '{}' } }];
  const toolCalls = [{ id: 'c1', name: 'weather', arguments: '{}' }];
  assert.deepEqual(
    inputOf(
      { role: 'developer', content: 'Be brief.' },
      { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: null, tool_calls: calls, refusal: null, audio: null, function_call: null },
      { role: 'tool', tool_call_id: 'another', content: [{ type: 'text', text: 'Rain.' }] },
      { role: 'developer', content: 'Now in French.' },
      { role: 'assistant', content: 'Oui', reasoning_content: 'Hm', reasoning: 'Hm', name: 'x', tool_calls: [] },
      { role: 'assistant', content: null, refusal: 'No.' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'Never.' }] },
      { role: 'assistant', reasoning_content: 'Hm' },
    ),
    [
      { role: 'system', content: 'Be brief.\n\nBe kind.' },
      { role: 'user', content: 'ab' },
      { role: 'assistant', content: '', toolCalls },
      { role: 'tool', content: 'Rain.', toolCallId: 'another' },
      { role: 'user', content: 'Now in French.' },
      { role: 'assistant', content: 'Oui' },
      { role: 'assistant', content: 'No.' },
      { role: 'assistant', content: 'Never.' },
      { role: 'assistant', content: '' },
    ],
  );
});

const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };

const refused: readonly Refusal[] = [
  [{ messages: undefined }, '"messages" is missing'],
  [{ messages: 'Hi' }, '"messages" must be a list'],
  [{ messages: [] }, '"messages" must be a list'],
  [{ messages: ['Hi'] }, '"messages[0]" must be a JSON object'],
  [{ messages: [{ role: 'bot', content: 'x' }] }, '"messages[0].role" must be one of'],
  [{ messages: [{ role: 'user' }] }, '"messages[0].content" must be a text'],
  [{ messages: [{ role: 'user', content: [] }] }, '"messages[0].content" must be a text'],
  [{ messages: [{ role: 'user', content: { text: 'x' } }] }, '"messages[0].content" must be a text'],
  [{ messages: [{ role: 'user', content: [5] }] }, '"messages[0].content[0]" must be a JSON object'],
  [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, '"messages[0].content[0].text" is missing'],
  [
    { messages: [{ role: 'user', content: [{ type: 'poem', text: 'x' }] }] },
    '"messages[0].content[0].type" must be "text"',
  ],
  [{ messages: [{ role: 'user', content: [image] }] }, '"messages[0].content[0].type" is "image_url". Images are not'],
  [
    { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] },
    '"messages[0].content[0].type" is "input_audio". Audio',
  ],
  [{ messages: [{ role: 'user', content: [{ type: 'file' }] }] }, '"messages[0].content[0].type" is "file". Files'],
  [{ messages: [{ role: 'assistant', content: null }] }, '"messages[0].content" must be a text'],
  [
    { messages: [{ role: 'assistant', content: 'x', function_call: { name: 'x' } }] },
    '"messages[0].function_call" is not supported',
  ],
  [{ messages: [{ role: 'assistant', content: 'x', audio: { id: 'x' } }] }, '"messages[0].audio" is not supported'],
  [{ messages: [{ role: 'assistant', tool_calls: [{}] }] }, '"messages[0].tool_calls[0].id" is missing'],
  [{ messages: [{ role: 'tool', content: 'x' }] }, '"messages[0].tool_call_id" is missing'],
  [{ model: 5 }, '"model" must be a text'],
  [{ model: '' }, '"model" must be a text'],
  [{ model: 'x'.repeat(513) }, '"model" must be a text'],
  [{ models: 'a' }, '"models" must be a list'],
  [{ models: ['a', ''] }, '"models" must be a list'],
  [{ models: Array(17).fill('a') }, '"models" must be a list'],
  [{ n: 0 }, '"n" must be a whole number from 1 to 16'],
  [{ n: 17 }, '"n" must be'],
  [{ n: '2' }, '"n" must be'],
  [{ stream: 'yes' }, '"stream" must be true or false'],
  [{ stream_options: [] }, '"stream_options" must be a JSON object'],
  [{ stream_options: { include_usage: 1 } }, '"stream_options.include_usage" must be true or false'],
  [{ max_tokens: 0 }, '"max_tokens" must be'],
  [{ max_tokens: 1e300 }, '"max_tokens" must be'],
  [{ max_tokens: 1, max_completion_tokens: 2 }, '"max_tokens" and "max_completion_tokens" differ'],
  [{ temperature: -1 }, '"temperature" must be'],
  [{ temperature: 'hot' }, '"temperature" must be'],
  [{ top_p: 2 }, '"top_p" must be'],
  [{ seed: 0.5 }, '"seed" must be'],
  [{ stop: 5 }, '"stop" must be'],
  [{ stop: Array(17).fill('a') }, '"stop" must be'],
  [{ logprobs: 1 }, '"logprobs" must be true or false'],
  [{ top_logprobs: 2 }, '"top_logprobs" needs "logprobs"'],
  [{ logprobs: true, top_logprobs: 21 }, '"top_logprobs" must be'],
  [{ logit_bias: [] }, '"logit_bias" must be'],
  [{ logit_bias: { '': 1 } }, '"logit_bias" must have'],
  [{ logit_bias: { 1: 101 } }, '"logit_bias" must have'],
  [{ logit_bias: { a: 1 } }, '"logit_bias" must have'],
  [{ tools: {} }, '"tools" must be a list'],
  [{ tools: Array(129).fill(tool) }, '"tools" must be a list'],
  [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, '"tools[0].type" must be "function"'],
  [{ tools: [{ type: 'function', function: {} }] }, '"tools[0].function.name" is missing'],
  [{ tools: [{ type: 'function', function: { name: 'x', parameters: [] } }] }, '"tools[0].function.parameters" must'],
  [{ tools: [tool], tool_choice: 'maybe' }, '"tool_choice" must be one of'],
  [{ tools: [tool], tool_choice: 5 }, '"tool_choice" must be a JSON object'],
  [
    { tools: [tool], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool] } } },
    '"tool_choice.type" must be "function"',
  ],
  [
    { tools: [tool], tool_choice: { type: 'function', function: { name: 'x' } } },
    '"tool_choice" does not fit the tools. The request requires the tool "x"',
  ],
  [{ tool_choice: 'required' }, '"tool_choice" does not fit the tools. The request requires a tool'],
  [{ tools: [tool], parallel_tool_calls: 'no' }, '"parallel_tool_calls" must be true or false'],
  [{ response_format: 'json' }, '"response_format" must be a JSON object'],
  [{ response_format: { type: 'xml' } }, '"response_format.type" must be'],
  [{ response_format: { type: 'json_schema' } }, '"response_format.json_schema" is missing'],
  [{ response_format: { type: 'json_schema', json_schema: {} } }, '"response_format.json_schema.schema" is missing'],
  [{ functions: [{ name: 'x' }] }, '"functions" is not supported'],
  [{ function_call: { name: 'x' } }, '"function_call" must be "none" or "auto"'],
  [{ modalities: ['text', 'audio'] }, '"modalities" is not supported'],
  [{ audio: { voice: 'x' } }, '"audio" is not supported'],
  [{ web_search_options: {} }, '"web_search_options" is not supported'],
  [{ guided_json: {} }, '"guided_json" is not supported'],
  [{ grammar: 'root ::= "x"' }, '"grammar" is not supported'],
  [{ reasoning_effort: 5 }, '"reasoning_effort" must be a text'],
  [{ reasoning: 'high' }, '"reasoning" must be a JSON object'],
  [{ reasoning: { enabled: 1 } }, '"reasoning.enabled" must be true or false'],
  [{ chat_template_kwargs: { enable_thinking: 'no' } }, '"chat_template_kwargs.enable_thinking" must be true or false'],
  [{ think: 1 }, '"think" must be'],
];

test('every field that is malformed or not supported is an error that names it', () => {
  assertRefused((fields) => readChat({ messages, ...fields }), refused);
});
