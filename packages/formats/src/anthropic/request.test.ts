import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceRequest } from '@shoal/protocol/request';
import { readCount, readMessages } from './request.ts';

const MESSAGES = [{ role: 'user', content: 'Hello' }];
const BODY = { model: 'tiny', max_tokens: 32_000, messages: MESSAGES };
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } };
const WEATHER = { name: 'weather', description: 'Reports it.', input_schema: SCHEMA };
const SEARCH = { type: 'web_search_20250305', name: 'web_search', max_uses: 5 };
const NEUTRAL = { name: 'weather', description: 'Reports it.', parameters: SCHEMA };

function read(fields: object): InferenceRequest {
  return readMessages({ ...BODY, ...fields }).request;
}

test('every field that changes the answer is read', () => {
  const call = readMessages({
    ...BODY,
    models: ['small', 'tiny'],
    stream: true,
    system: 'Be brief.',
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    stop_sequences: ['END'],
    tools: [WEATHER],
    tool_choice: { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
    output_config: { effort: 'high', format: { type: 'json_schema', schema: SCHEMA } },
    thinking: { type: 'enabled', budget_tokens: 1024 },
  });
  assert.deepEqual([call.models, call.count, call.streams], [['tiny', 'small'], 1, true]);
  assert.deepEqual(call.request, {
    input: { type: 'messages', messages: [{ role: 'system', content: 'Be brief.' }, ...MESSAGES] },
    sampling: { maxTokens: 32_000, temperature: 0, topP: 0.5, topK: 3 },
    stop: ['END'],
    tools: [NEUTRAL],
    toolChoice: { name: 'weather' },
    parallelToolCalls: false,
    format: { type: 'json_schema', schema: SCHEMA },
    reasoning: true,
  });
});

test('fields without a meaning here change nothing', () => {
  const others = {
    metadata: { user_id: 'x' },
    service_tier: 'auto',
    container: 'c',
    mcp_servers: [],
    betas: ['b'],
    speed: 'fast',
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'high' },
    cache_control: { type: 'ephemeral' },
    tools: [],
    stop_sequences: null,
    system: null,
    new_field: [1],
  };
  const call = readMessages({ ...BODY, ...others });
  assert.deepEqual(call.request, readMessages(BODY).request);
  assert.deepEqual([call.models, call.streams], [['tiny'], false]);
});

test('the model reasons only if the request asks for it', () => {
  const reasoning = (thinking: unknown) => read({ thinking }).reasoning;
  const types = ['enabled', 'adaptive', 'between_tools', 'disabled'];
  assert.deepEqual(
    types.map((type) => reasoning({ type })),
    [true, true, true, false],
  );
  assert.equal(reasoning(undefined), false);
});

test('a JSON schema is also read from its earlier field', () => {
  const format = { type: 'json_schema', schema: SCHEMA };
  assert.deepEqual(read({ output_format: format }).format, format);
});

test('tools of Anthropic are left out', () => {
  const custom = { ...WEATHER, type: 'custom', defer_loading: true, cache_control: { type: 'ephemeral' } };
  assert.deepEqual(read({ tools: [SEARCH, custom, { type: 'bash_20250124', name: 'bash' }] }).tools, [NEUTRAL]);
  assert.equal(read({ tools: [SEARCH] }).tools, undefined);
});

test('each tool choice has its neutral form', () => {
  const choose = (choice: object) => {
    const { toolChoice, parallelToolCalls } = read({ tools: [WEATHER], tool_choice: choice });
    return [toolChoice, parallelToolCalls];
  };
  assert.deepEqual(choose({ type: 'auto' }), ['auto', undefined]);
  assert.deepEqual(choose({ type: 'auto', disable_parallel_tool_use: true }), ['auto', false]);
  assert.deepEqual(choose({ type: 'any', disable_parallel_tool_use: false }), ['required', undefined]);
  assert.deepEqual(choose({ type: 'tool', name: 'weather' }), [{ name: 'weather' }, undefined]);
  assert.deepEqual(choose({ type: 'none' }), ['none', undefined]);
  assert.equal(read({ tool_choice: { type: 'none' } }).toolChoice, undefined);
});

test('blocks of the conversation add and remove tools', () => {
  const names = (...content: readonly object[]) =>
    read({ tools: [WEATHER], messages: [...MESSAGES, { role: 'system', content }] }).tools?.map(({ name }) => name);
  const add = (tool: object) => ({ type: 'tool_addition', tool });
  const remove = { type: 'tool_removal', tool: { type: 'tool_reference', name: 'weather' } };
  const time = { type: 'tool_definition', definition: { ...WEATHER, name: 'time' } };
  assert.deepEqual(names(add(time)), ['weather', 'time']);
  assert.deepEqual(names(remove, add(time)), ['time']);
  assert.equal(names(remove), undefined);
  assert.deepEqual(names(remove, add({ type: 'tool_reference', name: 'weather' })), ['weather']);
  assert.deepEqual(names(add({ type: 'mcp_toolset_reference', server_name: 's' })), ['weather']);
});

test('a count of tokens needs no limit and generates nothing', () => {
  const call = readCount({ model: 'tiny', messages: MESSAGES, tools: [WEATHER], stream: true });
  assert.deepEqual([call.models, call.streams, call.request.countOnly], [['tiny'], false, true]);
  assert.deepEqual(call.request.tools, [NEUTRAL]);
});

for (const [problem, fields, message] of [
  ['no limit of tokens', { max_tokens: undefined }, /^"max_tokens" is missing/],
  ['a limit of zero', { max_tokens: 0 }, /^"max_tokens" must be/],
  ['a model that is a number', { model: 5 }, /^"model" must be/],
  ['a list of models with a number', { models: ['a', 5] }, /^"models" must be/],
  ['a system prompt that is an object', { system: {} }, /^"system" must be/],
  ['an image in the system prompt', { system: [{ type: 'image' }] }, /^"system\[0\]\.type": images are not/],
  ['a temperature that is a text', { temperature: '1' }, /^"temperature" must be/],
  ['a stop sequence that is empty', { stop_sequences: [''] }, /^"stop_sequences" must be/],
  ['stop sequences that are a text', { stop_sequences: 'END' }, /^"stop_sequences" must be/],
  ['a stream that is a text', { stream: 'yes' }, /^"stream" must be/],
  ['thinking that is true', { thinking: true }, /^"thinking" must be/],
  ['an unknown type of thinking', { thinking: { type: 'deep' } }, /^"thinking\.type" must be/],
  ['an unknown format', { output_config: { format: { type: 'xml' } } }, /^"output_config\.format\.type" must be/],
  ['a format without a schema', { output_format: { type: 'json_schema' } }, /^"output_format\.schema" is missing/],
  ['tools that are an object', { tools: {} }, /^"tools" must be/],
  ['a tool without a schema', { tools: [{ name: 'f' }] }, /^"tools\[0\]\.input_schema" is missing/],
  ['a tool without a name', { tools: [{ input_schema: {} }] }, /^"tools\[0\]\.name" is missing/],
  ['a choice that is a text', { tools: [WEATHER], tool_choice: 'auto' }, /^"tool_choice" must be/],
  ['an unknown choice', { tools: [WEATHER], tool_choice: { type: 'all' } }, /^"tool_choice\.type" must be/],
  [
    'a choice of a tool of Anthropic',
    { tools: [SEARCH], tool_choice: { type: 'tool', name: 'web_search' } },
    /^"tool_choice\.name"/,
  ],
  ['a required tool without tools', { tool_choice: { type: 'any' } }, /requires a tool and has none/],
] as const) {
  test(`${problem}: the error names the field`, () => {
    assert.throws(() => read(fields), { code: 'INVALID_REQUEST', message });
  });
}
