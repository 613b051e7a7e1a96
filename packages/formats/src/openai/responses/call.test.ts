import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@shoal/protocol/json';
import type { CompletedAnswer } from '../../answer.ts';
import {
  previousResponseId,
  readResponses,
  type StoredResponse,
  writeDeleted,
  writeInputItems,
  writeStored,
} from './index.ts';
import { testContext } from './testing/context.ts';

const TIME = { type: 'function', name: 'time', parameters: { type: 'object' } };
const HELLO: CompletedAnswer = { text: 'Hello!', finishReason: 'stop' };

function write(answer: CompletedAnswer, body: JsonObject = {}): object {
  return readResponses({ input: 'Hi.', ...body }, undefined).write([answer], testContext());
}

function messageItem(text: string, status = 'completed', logprobs: readonly object[] = []): object {
  const content = [{ type: 'output_text', text, annotations: [], logprobs }];
  return { id: 'msg_7', type: 'message', status, role: 'assistant', content };
}

test('a response has every field of the API', () => {
  const usage = { promptTokens: 5, cachedTokens: 3, completionTokens: 2 };
  assert.deepEqual(write({ ...HELLO, usage }), {
    id: 'resp_7',
    object: 'response',
    created_at: 1_700_000_000,
    status: 'completed',
    access_programs: null,
    background: false,
    completed_at: 1_700_000_003,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    metadata: {},
    model: 'tiny',
    output: [messageItem('Hello!')],
    parallel_tool_calls: true,
    previous_response_id: null,
    prompt_cache_key: undefined,
    reasoning: { effort: null, summary: null },
    safety_identifier: undefined,
    service_tier: 'default',
    store: true,
    temperature: null,
    text: { format: { type: 'text' }, verbosity: 'medium' },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: null,
    truncation: 'disabled',
    usage: {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: 3, cache_write_tokens: 0 },
      output_tokens: 2,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 7,
    },
    user: undefined,
  });
});

test('a response repeats the settings of its request', () => {
  const settings = {
    instructions: 'Be brief.',
    max_output_tokens: 9,
    metadata: { topic: 'demo' },
    parallel_tool_calls: false,
    prompt_cache_key: 'abc',
    reasoning: { effort: 'low', summary: 'auto' },
    store: false,
    temperature: 0,
    text: { format: { type: 'json_schema', name: 'answer', schema: {} }, verbosity: 'low' },
    tool_choice: { type: 'function', name: 'time' },
    top_logprobs: 2,
    top_p: 0.5,
    user: 'me',
  };
  const written = write(HELLO, { ...settings, tools: [{ type: 'web_search' }, TIME], truncation: 'auto' });
  const tools = [{ ...TIME, description: null, strict: true }];
  assert.partialDeepStrictEqual(written, { ...settings, tools, truncation: 'disabled' });
});

test('reasoning, text and calls of an answer are items in this order', () => {
  const toolCalls = [
    { id: 'call_1', name: 'time', arguments: '{}' },
    { id: '', name: 'time', arguments: '{"zone":"UTC"}' },
  ];
  assert.partialDeepStrictEqual(write({ text: 'Wait.', reasoning: 'Hm.', toolCalls, finishReason: 'tool_calls' }), {
    status: 'completed',
    output: [
      {
        id: 'rs_7',
        type: 'reasoning',
        status: 'completed',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'Hm.' }],
      },
      messageItem('Wait.'),
      { id: 'fc_7_0', type: 'function_call', status: 'completed', call_id: 'call_1', name: 'time', arguments: '{}' },
      {
        id: 'fc_7_1',
        type: 'function_call',
        status: 'completed',
        call_id: 'call_fc_7_1',
        name: 'time',
        arguments: '{"zone":"UTC"}',
      },
    ],
  });
});

test('an answer that reached its limit is incomplete, and so is its last item', () => {
  assert.partialDeepStrictEqual(write({ text: 'Hel', reasoning: 'Hm.', finishReason: 'length' }), {
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    completed_at: null,
    output: [{ type: 'reasoning', status: 'completed' }, messageItem('Hel', 'incomplete')],
  });
  const onlyReasoning = write({ text: '', reasoning: 'Hm.', finishReason: 'length' });
  assert.partialDeepStrictEqual(onlyReasoning, { output: [{ type: 'reasoning', status: 'incomplete' }] });
});

test('an empty answer is an empty message, and unknown usage is null', () => {
  const written = write({ text: '', finishReason: 'stop' });
  assert.partialDeepStrictEqual(written, { output: [messageItem('')], usage: null });
});

test('log probabilities have the bytes of their tokens, if those are whole characters', () => {
  const top = [{ text: '\uFFFD', logprob: -1 }];
  const logprobs = [{ text: 'é!', logprob: -0.5, top }];
  const written = [
    {
      token: 'é!',
      logprob: -0.5,
      bytes: [0xc3, 0xa9, 0x21],
      top_logprobs: [{ token: '\uFFFD', logprob: -1, bytes: [] }],
    },
  ];
  const answer = write({ text: 'é!', logprobs, finishReason: 'stop' });
  assert.partialDeepStrictEqual(answer, { output: [messageItem('é!', 'completed', written)] });
});

test('a stored response continues the conversation, with its calls and without its instructions', () => {
  const first = readResponses({ input: 'What time is it?', instructions: 'Be brief.', tools: [TIME] }, undefined);
  const toolCalls = [{ id: 'call_1', name: 'time', arguments: '{}' }];
  const answer: CompletedAnswer = { text: '', reasoning: 'Hm.', toolCalls, finishReason: 'tool_calls' };
  const one = first.stored(answer, testContext('1'));
  assert.deepEqual(writeStored(one), first.write([answer], testContext('1')));

  const result = { type: 'function_call_output', call_id: 'call_1', output: '12:00' };
  const body = { previous_response_id: 'resp_1', input: [result], instructions: 'Be kind.' };
  const second = readResponses(body, revived(one));
  const conversation = [
    { role: 'user', content: 'What time is it?' },
    { role: 'assistant', content: '', toolCalls },
    { role: 'tool', content: '12:00', toolCallId: 'call_1' },
  ];
  assert.deepEqual(second.request.input, {
    type: 'messages',
    messages: [{ role: 'system', content: 'Be kind.' }, ...conversation],
  });
  const noon: CompletedAnswer = { text: 'Noon.', finishReason: 'stop' };
  assert.partialDeepStrictEqual(second.write([noon], testContext('2')), { previous_response_id: 'resp_1' });

  const two = second.stored(noon, testContext('2'));
  const third = readResponses({ previous_response_id: 'resp_2', input: 'Thanks.' }, revived(two));
  assert.deepEqual(third.request.input, {
    type: 'messages',
    messages: [...conversation, { role: 'assistant', content: 'Noon.' }, { role: 'user', content: 'Thanks.' }],
  });
});

test('a call that continues a response names one that is stored', () => {
  assert.equal(previousResponseId({ input: 'Hi.' }), undefined);
  assert.equal(previousResponseId({ previous_response_id: null }), undefined);
  assert.equal(previousResponseId({ previous_response_id: 'resp_1' }), 'resp_1');
  for (const id of [5, '']) {
    assert.throws(() => previousResponseId({ previous_response_id: id }), { code: 'INVALID_REQUEST' });
  }
  const other = readResponses({ input: 'Hi.' }, undefined).stored(HELLO, testContext('2'));
  for (const previous of [undefined, other]) {
    assert.throws(() => readResponses({ input: 'Hi.', previous_response_id: 'resp_1' }, previous), {
      code: 'INVALID_REQUEST',
      message: /^"previous_response_id" names a response that is not stored/,
    });
  }
});

test('a deleted response is named', () => {
  assert.deepEqual(writeDeleted('resp_1'), { id: 'resp_1', object: 'response', deleted: true });
});

test('input items are listed in pages, the latest first', () => {
  const input = [
    { role: 'user', content: 'A', id: 'mine' },
    { role: 'assistant', content: 'B' },
    { role: 'user', content: 'C' },
  ];
  const stored = readResponses({ input }, undefined).stored(HELLO, testContext());
  const list = (query: JsonObject): unknown => JSON.parse(JSON.stringify(writeInputItems(stored, query)));
  const c = {
    type: 'message',
    status: 'completed',
    role: 'user',
    content: [{ type: 'input_text', text: 'C' }],
    id: 'item_7_2',
  };
  assert.deepEqual(list({ limit: '1' }), {
    object: 'list',
    data: [c],
    first_id: 'item_7_2',
    last_id: 'item_7_2',
    has_more: true,
  });
  assert.partialDeepStrictEqual(list({ after: 'item_7_2' }), {
    first_id: 'item_7_1',
    last_id: 'mine',
    has_more: false,
  });
  assert.partialDeepStrictEqual(list({ order: 'asc' }), { first_id: 'mine', last_id: 'item_7_2' });
  assert.deepEqual(list({ after: 'mine' }), {
    object: 'list',
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
  for (const query of [{ order: 'up' }, { after: 'other' }, { limit: '0' }, { limit: '101' }, { limit: 'x' }]) {
    assert.throws(() => list(query), { code: 'INVALID_REQUEST', message: new RegExp(`^"${Object.keys(query)[0]}" `) });
  }
});

/** Returns the response as a store that writes JSON gives it back. */
function revived(stored: StoredResponse): StoredResponse {
  const text: StoredResponse = JSON.parse(JSON.stringify(stored));
  return text;
}
