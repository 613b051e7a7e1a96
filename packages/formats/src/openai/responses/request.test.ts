import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@shoal/protocol/json';
import { BodyFields } from '../../body-fields.ts';
import { readRequest, type ResponsesRequest } from './request.ts';

const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } };
const WEATHER = { type: 'function', name: 'weather', description: 'Reports it.', parameters: SCHEMA, strict: false };
const TIME = { type: 'function', name: 'time' };
const SEARCH = { type: 'web_search' };
const PATCH = { type: 'custom', name: 'apply_patch', format: { type: 'grammar' } };

function read(body: JsonObject): ResponsesRequest {
  return readRequest(new BodyFields({ input: 'Hi.', ...body }, '', 'The body'), []);
}

test('a request that is only a text has the defaults of the API', () => {
  const { models, request, streams, stores } = read({});
  assert.deepEqual({ models, streams, stores }, { models: [], streams: false, stores: true });
  assert.deepEqual(request, {
    input: { type: 'messages', messages: [{ role: 'user', content: 'Hi.' }] },
    sampling: {},
    stop: [],
    reasoning: true,
  });
});

test('every option reaches the request', () => {
  const call = read({
    model: 'tiny',
    models: ['small', 'tiny'],
    stream: true,
    store: false,
    tools: [WEATHER, TIME],
    tool_choice: 'required',
    parallel_tool_calls: false,
    text: { format: { type: 'json_schema', name: 'answer', schema: SCHEMA, strict: true }, verbosity: 'low' },
    max_output_tokens: 9,
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
    top_logprobs: 2,
    reasoning: { effort: 'none' },
  });
  assert.deepEqual([call.models, call.streams, call.stores], [['tiny', 'small'], true, false]);
  const { input: _input, ...options } = call.request;
  assert.deepEqual(options, {
    sampling: { maxTokens: 9, temperature: 0, topP: 0.5, topK: 3 },
    stop: [],
    tools: [{ name: 'weather', description: 'Reports it.', parameters: SCHEMA }, { name: 'time' }],
    toolChoice: 'required',
    parallelToolCalls: false,
    format: { type: 'json_schema', schema: SCHEMA },
    logprobs: 2,
    reasoning: false,
  });
});

test('the body of Codex is accepted, and only its functions reach the model', () => {
  const { request, streams, stores, models } = read({
    model: 'gpt-oss-20b',
    instructions: 'You are a coding agent.',
    input: [
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Sandbox.' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Fix it.' }] },
    ],
    tools: [WEATHER, SEARCH, PATCH, { type: 'local_shell' }, { type: 'namespace', name: 'mcp', tools: [TIME] }],
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'abc',
    text: { verbosity: 'low' },
    client_metadata: { 'x-codex-installation-id': 'abc' },
  });
  assert.deepEqual([models, streams, stores], [['gpt-oss-20b'], true, false]);
  assert.deepEqual(request, {
    input: {
      type: 'messages',
      messages: [
        { role: 'system', content: 'You are a coding agent.\n\nSandbox.' },
        { role: 'user', content: 'Fix it.' },
      ],
    },
    sampling: {},
    stop: [],
    tools: [{ name: 'weather', description: 'Reports it.', parameters: SCHEMA }],
    toolChoice: 'auto',
    parallelToolCalls: true,
    reasoning: true,
  });
});

test('the choice of a tool is a mode, a function, or a part of the functions', () => {
  const tools = [WEATHER, SEARCH, TIME];
  const chosen = (choice: unknown): unknown => {
    const { request } = read({ tools, tool_choice: choice });
    return [request.tools?.map(({ name }) => name), request.toolChoice];
  };
  const both = ['weather', 'time'];
  assert.deepEqual(chosen(undefined), [both, undefined]);
  assert.deepEqual(chosen('none'), [both, 'none']);
  assert.deepEqual(chosen({ type: 'function', name: 'time' }), [both, { name: 'time' }]);
  const allow = (mode: string, ...allowed: object[]): object => ({ type: 'allowed_tools', mode, tools: allowed });
  assert.deepEqual(chosen(allow('required', { type: 'function', name: 'time' })), [['time'], 'required']);
  assert.deepEqual(chosen(allow('auto', SEARCH)), [undefined, undefined]);
  assert.deepEqual(read({ tools: [SEARCH], tool_choice: 'auto' }).request.toolChoice, undefined);
});

test('values that change nothing are accepted', () => {
  const plain = read({}).request;
  const fields = {
    background: false,
    conversation: null,
    truncation: 'auto',
    text: { format: { type: 'text' } },
    reasoning: { effort: 'high' },
    tools: [],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    top_logprobs: 0,
    stream_options: { include_obfuscation: false },
    service_tier: 'auto',
    metadata: { a: 'b' },
    of_the_future: 1,
  };
  for (const [name, value] of Object.entries(fields)) assert.deepEqual(read({ [name]: value }).request, plain, name);
  assert.deepEqual(read({ text: { format: { type: 'json_object' } } }).request.format, { type: 'json' });
  assert.deepEqual(read({ include: ['message.output_text.logprobs'] }).request.logprobs, 0);
});

test('a field with a value that is malformed or not supported is named', () => {
  const message = { role: 'user', content: 'Hi.' };
  const call = { type: 'function_call', call_id: 'a', name: 'time', arguments: '{}' };
  const output = { type: 'function_call_output', call_id: 'a', output: 'x' };
  const tools = [WEATHER, SEARCH];
  const cases: readonly (readonly [field: string, body: JsonObject])[] = [
    ['input', { input: 5 }],
    ['input', { input: null }],
    ['input', { input: [] }],
    ['input', { input: [SEARCH] }],
    ['input', { input: Array.from({ length: 4097 }, () => message) }],
    ['input', { input: Array.from({ length: 129 }, () => call) }],
    ['input[0]', { input: ['Hi.'] }],
    ['input[0].type', { input: [{}] }],
    ['input[0].type', { input: [{ ...message, type: 5 }] }],
    ['input[0].type', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['input[0].role', { input: [{ role: 'critic', content: '' }] }],
    ['input[0].id', { input: [{ ...message, id: 5 }] }],
    ['input[0].content', { input: [{ role: 'user' }] }],
    ['input[0].content', { input: [{ role: 'user', content: {} }] }],
    ['input[0].content[0]', { input: [{ role: 'user', content: ['Hi.'] }] }],
    ['input[0].content[0].type', { input: [{ role: 'user', content: [{ text: 'Hi.' }] }] }],
    ['input[0].content[0].text', { input: [{ role: 'user', content: [{ type: 'input_text' }] }] }],
    ['input[0].call_id', { input: [{ ...call, call_id: '' }] }],
    ['input[0].name', { input: [{ ...call, name: 'x'.repeat(129) }] }],
    ['input[0].arguments', { input: [{ ...call, arguments: {} }] }],
    ['input[0].call_id', { input: [output] }],
    ['input[1].call_id', { input: [call, { ...output, call_id: 'b' }] }],
    ['input[1].output', { input: [call, { ...output, output: undefined }] }],
    ['instructions', { instructions: ['Be brief.'] }],
    ['model', { model: '' }],
    ['models', { models: 'tiny' }],
    ['models', { models: [5] }],
    ['stream', { stream: 'yes' }],
    ['store', { store: 1 }],
    ['background', { background: true }],
    ['conversation', { conversation: 'conv_1' }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['moderation', { moderation: {} }],
    ['truncation', { truncation: 'most' }],
    ['previous_response_id', { previous_response_id: 5 }],
    ['max_output_tokens', { max_output_tokens: 0 }],
    ['max_tool_calls', { max_tool_calls: -1 }],
    ['temperature', { temperature: '1' }],
    ['top_p', { top_p: 2 }],
    ['top_logprobs', { top_logprobs: 21 }],
    ['include', { include: 'message.output_text.logprobs' }],
    ['include', { include: [5] }],
    ['metadata', { metadata: 'a' }],
    ['user', { user: 5 }],
    ['parallel_tool_calls', { parallel_tool_calls: 1 }],
    ['reasoning', { reasoning: 'none' }],
    ['reasoning.effort', { reasoning: { effort: 0 } }],
    ['reasoning.summary', { reasoning: { summary: true } }],
    ['text', { text: 'json' }],
    ['text.verbosity', { text: { verbosity: 1 } }],
    ['text.format', { text: { format: 'json' } }],
    ['text.format.type', { text: { format: {} } }],
    ['text.format.type', { text: { format: { type: 'xml' } } }],
    ['text.format.schema', { text: { format: { type: 'json_schema' } } }],
    ['tools', { tools: {} }],
    ['tools', { tools: Array.from({ length: 129 }, () => SEARCH) }],
    ['tools[0].type', { tools: [{ name: 'time' }] }],
    ['tools[1].name', { tools: [SEARCH, { type: 'function' }] }],
    ['tools[0].description', { tools: [{ ...WEATHER, description: 5 }] }],
    ['tools[0].parameters', { tools: [{ ...WEATHER, parameters: [] }] }],
    ['tools[0].strict', { tools: [{ ...WEATHER, strict: 'yes' }] }],
    ['tool_choice', { tools, tool_choice: 'some' }],
    ['tool_choice', { tools, tool_choice: 5 }],
    ['tool_choice', { tools: [SEARCH], tool_choice: 'required' }],
    ['tool_choice', { tool_choice: { type: 'allowed_tools', mode: 'required', tools: [SEARCH] } }],
    ['tool_choice.type', { tools, tool_choice: { name: 'weather' } }],
    ['tool_choice.type', { tools, tool_choice: SEARCH }],
    ['tool_choice.type', { tools: [PATCH], tool_choice: { type: 'custom', name: 'apply_patch' } }],
    ['tool_choice.name', { tools, tool_choice: { type: 'function', name: 'time' } }],
    ['tool_choice.mode', { tools, tool_choice: { type: 'allowed_tools', tools: [] } }],
    ['tool_choice.tools', { tools, tool_choice: { type: 'allowed_tools', mode: 'auto' } }],
    ['tool_choice.tools[0].name', { tools, tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [TIME] } }],
  ];
  for (const [field, body] of cases) {
    assert.throws(
      () => read(body),
      ({ code, message: text }: { code: string; message: string }) => {
        assert.equal(code, 'INVALID_REQUEST');
        assert.ok(text.startsWith(`"${field}" `), `${JSON.stringify(body).slice(0, 200)}: ${text}`);
        return true;
      },
    );
  }
});
