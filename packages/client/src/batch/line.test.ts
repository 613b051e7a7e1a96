import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBatchLine } from './line.ts';

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const line = (body: object, more: object = {}): string =>
  JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body, ...more });

test('a line is read with all of its fields', () => {
  const body = {
    model: 'tiny',
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One, ' },
          { type: 'text', text: 'two' },
        ],
      },
      { role: 'assistant', content: '', name: null },
    ],
    max_completion_tokens: 5,
    temperature: 0,
    top_p: 0.5,
    seed: 7,
    stop: '.',
  };
  assert.deepEqual(parseBatchLine(line(body), 3), {
    line: 3,
    customId: 'a',
    input: {
      model: 'tiny',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'One, two' },
        { role: 'assistant', content: '' },
      ],
      maxTokens: 5,
      temperature: 0,
      topP: 0.5,
      seed: 7,
      stop: ['.'],
    },
  });
});

test('fields with their default values are accepted', () => {
  const body = {
    messages: MESSAGES,
    n: 1,
    stream: false,
    tools: [],
    logit_bias: {},
    response_format: { type: 'text' },
    presence_penalty: 0,
    user: 'me',
    metadata: { of: 'mine' },
    temperature: null,
    max_tokens: 3,
    max_completion_tokens: 3,
  };
  assert.deepEqual(parseBatchLine(line(body), 1), {
    line: 1,
    customId: 'a',
    input: { messages: MESSAGES, maxTokens: 3, presencePenalty: 0 },
  });
});

test('tools, formats and probabilities are read as in the chat API', () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } } };
  const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
  const body = {
    messages: [
      { role: 'user', content: 'How is the weather?' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: 'Rain.', tool_call_id: 'call_1' },
    ],
    tools: [{ type: 'function', function: { name: 'weather', description: 'Reports it.', parameters: schema } }],
    tool_choice: { type: 'function', function: { name: 'weather' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'report', strict: true, schema } },
    logprobs: true,
    top_logprobs: 2,
    logit_bias: { 7: -100 },
    frequency_penalty: 0.5,
    top_k: 40,
    repetition_penalty: 1.1,
  };
  assert.deepEqual(parseBatchLine(line(body), 1), {
    line: 1,
    customId: 'a',
    input: {
      messages: [
        { role: 'user', content: 'How is the weather?' },
        {
          role: 'assistant',
          content: '',
          toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' }],
        },
        { role: 'tool', content: 'Rain.', toolCallId: 'call_1' },
      ],
      tools: [{ name: 'weather', description: 'Reports it.', parameters: schema }],
      toolChoice: { name: 'weather' },
      parallelToolCalls: false,
      format: { type: 'json_schema', schema },
      logprobs: 2,
      logitBias: [[7, -100]],
      frequencyPenalty: 0.5,
      topK: 40,
      repeatPenalty: 1.1,
    },
  });
  const json = line({ messages: MESSAGES, response_format: { type: 'json_object' }, tool_choice: 'auto' });
  assert.deepEqual(parseBatchLine(json, 2), {
    line: 2,
    customId: 'a',
    input: { messages: MESSAGES, format: { type: 'json' } },
  });
});

const INVALID: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['no JSON', '{"custom_id":', /not valid JSON/],
  ['no object', '[1]', /must be a JSON object/],
  ['no custom_id', JSON.stringify({ method: 'POST' }), /"custom_id" is missing/],
  ['an empty custom_id', JSON.stringify({ custom_id: '' }), /"custom_id" must be a text of 1 to 512/],
  ['another method', line({ messages: MESSAGES }, { method: 'GET' }), /"method" must be "POST"\.$/],
  ['another url', line({ messages: MESSAGES }, { url: '/v1/embeddings' }), /"url" must be "\/v1\/chat\/completions"/],
  ['no url', line({}, { url: undefined }), /"url" is missing/],
  ['another field', line({ messages: MESSAGES }, { priority: 1 }), /"priority" is not supported/],
  ['no body', line({}, { body: undefined }), /"body" is missing/],
  ['no messages', line({}), /"body.messages" is missing/],
  ['an empty list of messages', line({ messages: [] }), /"body.messages" must be a list of 1 to/],
  ['a message that is not an object', line({ messages: ['Hi'] }), /"body.messages\[0\]" must be a JSON object/],
  [
    'another role',
    line({ messages: [{ role: 'function', content: 'x' }] }),
    /"body.messages\[0\].role" must be one of/,
  ],
  [
    'an image',
    line({ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }),
    /content\[0\].type" is "image_url". Images are not supported/,
  ],
  ['a name', line({ messages: [{ role: 'user', content: 'x', name: 'Ann' }] }), /messages\[0\].name" is not supported/],
  [
    'the result of no call',
    line({ messages: [{ role: 'tool', content: 'x' }] }),
    /"body.messages\[0\].tool_call_id" is missing/,
  ],
  ['a tool without a type', line({ messages: MESSAGES, tools: [{}] }), /"body.tools\[0\].type" is missing\.$/],
  ['a tool of another type', line({ messages: MESSAGES, tools: [{ type: 'custom' }] }), /must be "function"\.$/],
  [
    'a tool without a name',
    line({ messages: MESSAGES, tools: [{ type: 'function', function: {} }] }),
    /"body.tools\[0\].function.name" is missing\.$/,
  ],
  [
    'an unknown choice of tools',
    line({ messages: MESSAGES, tool_choice: 'any' }),
    /must be one of auto, none, required/,
  ],
  ['a required tool and none', line({ messages: MESSAGES, tool_choice: 'required' }), /requires a tool and has none/],
  [
    'another format',
    line({ messages: MESSAGES, response_format: { type: 'xml' } }),
    /"body.response_format.type" must be text, json_object or json_schema/,
  ],
  [
    'a format without a schema',
    line({ messages: MESSAGES, response_format: { type: 'json_schema', json_schema: {} } }),
    /"body.response_format.json_schema.schema" is missing/,
  ],
  [
    'a bias of a word',
    line({ messages: MESSAGES, logit_bias: { yes: 1 } }),
    /"body.logit_bias" must have at most 1024/,
  ],
  ['several answers', line({ messages: MESSAGES, n: 2 }), /"body.n" must be 1, or left out\.$/],
  [
    'top_logprobs without logprobs',
    line({ messages: MESSAGES, top_logprobs: 2 }),
    /"body.top_logprobs" needs "body.logprobs" to be true/,
  ],
  ['a stream', line({ messages: MESSAGES, stream: true }), /"body.stream" must be false, or left out/],
  ['an unknown field', line({ messages: MESSAGES, speed: 2 }), /"body.speed" is not supported; leave it out\.$/],
  ['a fraction', line({ messages: MESSAGES, max_tokens: 1.5 }), /"body.max_tokens" must be a whole number from 1/],
  ['two limits', line({ messages: MESSAGES, max_tokens: 1, max_completion_tokens: 2 }), /differ; give one/],
  ['a hot temperature', line({ messages: MESSAGES, temperature: 11 }), /"body.temperature" must be a number from 0/],
  ['an empty stop', line({ messages: MESSAGES, stop: [''] }), /"body.stop" must be a text/],
];

for (const [what, text, message] of INVALID) {
  test(`a line with ${what} is an error that names it`, () => {
    const parsed = parseBatchLine(text, 1);
    assert.ok('error' in parsed);
    assert.equal(parsed.error.code, 'INVALID_REQUEST');
    assert.match(parsed.error.message, message);
    assert.equal(parsed.customId, text.includes('"custom_id":"a"') ? 'a' : undefined);
  });
}
