import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompletedAnswer } from '../answer.ts';
import { readCount, readMessages } from './request.ts';

const BODY = { model: 'tiny', max_tokens: 10, messages: [{ role: 'user', content: 'Hello' }] };
const CONTEXT = {
  id: 'abc',
  createdAt: 0,
  startedAt: 0,
  beganAt: () => undefined,
  now: () => 0,
  model: () => 'tiny',
  peer: () => undefined,
};
const USAGE = { promptTokens: 100, cachedTokens: 40, completionTokens: 7 };
const ANSWER: CompletedAnswer = { text: 'Hi', finishReason: 'stop', rawReason: 'eos', usage: USAGE };

function write(answer: Partial<CompletedAnswer>, fields: object = {}): object {
  return readMessages({ ...BODY, ...fields }).write([{ ...ANSWER, ...answer }], CONTEXT);
}

/** The content of a message. */
function content(answer: Partial<CompletedAnswer>, fields: object = {}): unknown {
  const written = write({ text: '', ...answer }, fields);
  return 'content' in written ? written.content : undefined;
}

test('a message has every field of the API', () => {
  assert.deepEqual(write({}), {
    id: 'msg_abc',
    type: 'message',
    role: 'assistant',
    model: 'tiny',
    container: null,
    diagnostics: null,
    content: [{ type: 'text', text: 'Hi', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    stop_details: null,
    usage: {
      input_tokens: 60,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 40,
      output_tokens: 7,
      output_tokens_details: null,
      server_tool_use: null,
      cache_creation: null,
      inference_geo: null,
      service_tier: null,
      speed: null,
    },
  });
});

for (const [finishReason, rawReason, stop, ending] of [
  ['stop', 'eos', ['END'], ['end_turn', null]],
  ['stop', 'stop string', ['END'], ['stop_sequence', 'END']],
  ['stop', 'stop string', ['END', '.'], ['stop_sequence', null]],
  ['length', 'maxTokens', ['END'], ['max_tokens', null]],
  ['tool_calls', 'eos', [], ['tool_use', null]],
] as const) {
  test(`an answer that ends with ${finishReason} (${rawReason}) has the stop reason ${ending[0]}`, () => {
    const written: object = write({ finishReason, rawReason }, { stop_sequences: stop });
    const [reason, sequence] = ending;
    assert.deepEqual({ ...written, stop_reason: reason, stop_sequence: sequence }, written);
  });
}

test('an answer without text has no text block', () => assert.deepEqual(content({}), []));

test('reasoning is shown unless the client omits it', () => {
  const block = { type: 'thinking', thinking: 'Hm.', signature: '' };
  assert.deepEqual(content({ reasoning: 'Hm.' }, { thinking: { type: 'adaptive' } }), [block]);
  assert.deepEqual(content({ reasoning: 'Hm.' }, { thinking: { type: 'adaptive', display: 'omitted' } }), []);
});

test('tool calls have ids that the API accepts and objects as input', () => {
  const toolCalls = [
    { id: 'call_1-a', name: 'f', arguments: '{"a":1}' },
    { id: 'functions.f:0', name: 'f', arguments: '' },
  ];
  const use = { type: 'tool_use', name: 'f', caller: { type: 'direct' } };
  assert.deepEqual(content({ toolCalls }), [
    { ...use, id: 'call_1-a', input: { a: 1 } },
    { ...use, id: 'toolu_abc_1', input: {} },
  ]);
});

test('arguments that are not an object are an error, unless the limit of tokens cut them off', () => {
  for (const text of ['{"a":', '[1]', '"a"']) {
    const toolCalls = [{ id: 'a', name: 'f', arguments: text }];
    assert.throws(() => content({ toolCalls, finishReason: 'tool_calls' }), { code: 'GENERATION_FAILED' });
    assert.deepEqual(content({ toolCalls, finishReason: 'length' }), []);
  }
});

test('a count has the tokens of the prompt, cached ones too', () => {
  const call = readCount(BODY);
  assert.deepEqual(call.write([ANSWER], CONTEXT), { input_tokens: 100 });
  assert.throws(() => call.write([{ ...ANSWER, usage: undefined }], CONTEXT), { code: 'GENERATION_FAILED' });
});
