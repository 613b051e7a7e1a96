import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import type { WrittenEvent } from '../../call.ts';
import { readStream } from '../stream.ts';
import { contextOf, linesOf, shapeOf, streamed, whole } from '../testing/answers.ts';
import { readChat } from './chat.ts';

const MESSAGES = [{ role: 'user', content: 'What is 2+2?' }];
const USAGE = { promptTokens: 10, completionTokens: 2 };
const STOP: WrittenEvent = { type: 'finish', reason: 'stop', rawReason: 'stop', usage: USAGE };

/** Answers of Ollama 0.17.4. */
const RECORDED = {
  line: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:33.397002577Z","message":{"role":"assistant","content":"4"},"done":false}',
  last: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:33.399040867Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":323096275,"load_duration":302535760,"prompt_eval_count":10,"prompt_eval_duration":15716661,"eval_count":2,"eval_duration":2280581}',
  withLogprobs:
    '{"model":"shoal-demo","created_at":"2026-11-21T19:13:33.431844159Z","message":{"role":"assistant","content":"1,"},"done":true,"done_reason":"length","logprobs":[{"token":"1","logprob":-0.0008835142944008112,"bytes":[49],"top_logprobs":[{"token":"1","logprob":-0.0008835142944008112,"bytes":[49]}]},{"token":",","logprob":-0.00020156083337496966,"bytes":[44],"top_logprobs":[{"token":",","logprob":-0.00020156083337496966,"bytes":[44]}]}],"total_duration":22292653,"load_duration":2596697,"prompt_eval_count":11,"prompt_eval_duration":15615862,"eval_count":2,"eval_duration":2060807}',
  load: '{"model":"shoal-demo","created_at":"2026-11-21T19:13:48.303301121Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}',
};

test('a body without options is a streamed conversation with reasoning apart', () => {
  const { models, request, count, streams } = readChat({ model: 'tiny', messages: MESSAGES });
  assert.deepEqual([models, count, streams], [['tiny'], 1, true]);
  assert.deepEqual(request, {
    input: { type: 'messages', messages: MESSAGES },
    sampling: {},
    stop: [],
    reasoning: true,
  });
});

test('tools, format, think, keep_alive and log probabilities become fields of the request', () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } };
  const tools = [{ type: 'function', function: { name: 'weather', description: 'Reports it.', parameters } }];
  const body = { model: 'tiny', messages: MESSAGES, tools, format: 'json', think: false, keep_alive: '5m' };
  const { request, streams } = readChat({ ...body, stream: false, logprobs: true, top_logprobs: 3 });
  assert.equal(streams, false);
  assert.deepEqual(request, {
    input: { type: 'messages', messages: MESSAGES },
    sampling: {},
    stop: [],
    reasoning: false,
    format: { type: 'json' },
    keepAliveMs: 300_000,
    logprobs: 3,
    tools: [{ name: 'weather', description: 'Reports it.', parameters }],
  });
});

test('values that mean nothing change nothing', () => {
  const plain = readChat({ model: 'tiny', messages: MESSAGES }).request;
  const body = {
    model: 'tiny',
    messages: MESSAGES,
    tools: [],
    format: '',
    think: 'high',
    truncate: true,
    shift: false,
  };
  assert.deepEqual(readChat({ ...body, options: null, top_logprobs: 2, future: { field: 1 } }).request, plain);
});

test('a schema is the format, and times below 0 have no limit', () => {
  const schema = { type: 'object' };
  const request = (fields: object) => readChat({ model: 'tiny', messages: MESSAGES, ...fields }).request;
  assert.deepEqual(request({ format: schema }).format, { type: 'json_schema', schema });
  assert.deepEqual(
    [0, 1.5, '90s', -1, '-1m', '100000h'].map((value) => request({ keep_alive: value }).keepAliveMs),
    [0, 1_500, 90_000, -1, -1, -1],
  );
});

test('a field that is malformed or not supported is an INVALID_REQUEST that names it', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['"model" is missing', { model: '' }],
    ['"model"', { model: 7 }],
    ['"messages"', { messages: 'Hi' }],
    ['"messages[0]"', { messages: ['Hi'] }],
    ['"messages[0].role"', { messages: [{ role: 'wizard', content: 'Hi' }] }],
    ['"messages[0].role" is missing', { messages: [{ content: 'Hi' }] }],
    ['"messages[0].content"', { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] }],
    ['"messages[0].images"', { messages: [{ role: 'user', content: 'Hi', images: ['aGk='] }] }],
    ['"stream"', { stream: 'no' }],
    ['"format"', { format: 'xml' }],
    ['"think"', { think: 'hard' }],
    ['"keep_alive"', { keep_alive: '1d' }],
    ['"keep_alive"', { keep_alive: '1'.repeat(99) }],
    ['"keep_alive"', { keep_alive: true }],
    ['"tools[0].function"', { tools: [{ type: 'function' }] }],
    ['"tools"', { tools: {} }],
    ['"options"', { options: [] }],
    ['"top_logprobs"', { top_logprobs: 21 }],
    ['"_debug_render_only"', { _debug_render_only: true }],
  ];
  for (const [name, fields] of wrong) {
    assert.throws(
      () => readChat({ model: 'tiny', messages: MESSAGES, ...fields }),
      (error) => error instanceof ShoalError && error.code === 'INVALID_REQUEST' && error.message.includes(name),
      `${JSON.stringify(fields)} must be refused by the name ${name}`,
    );
  }
});

test('lines and whole answers have the fields of Ollama', () => {
  const call = readChat({ model: 'tiny', messages: MESSAGES });
  const events: readonly WrittenEvent[] = [{ type: 'text', text: '4', tokens: [] }, STOP];
  assert.deepEqual(streamed(call, events).map(shapeOf), [RECORDED.line, RECORDED.last].map(parsedShape));
  assert.deepEqual(shapeOf(whole(call, events)), parsedShape(RECORDED.last));
  const [line, last] = streamed(call, events);
  assert.deepEqual(line, {
    model: 'tiny',
    created_at: '2026-01-02T03:04:05.001Z',
    message: { role: 'assistant', content: '4' },
    done: false,
  });
  // The answer begins after 1 ms, its line is written after 1 and the last one after 3.
  assert.deepEqual(
    [last?.['total_duration'], last?.['prompt_eval_duration'], last?.['eval_duration']],
    [3_000_000, 1_000_000, 2_000_000],
  );
});

test('log probabilities have the fields of Ollama', () => {
  const token = (text: string) => ({ text, logprob: -0.5 });
  const logprobs = [{ ...token('é€😀'), top: [token('\uFFFD')] }];
  const events: readonly WrittenEvent[] = [
    { type: 'text', text: '1,', tokens: [], logprobs },
    { ...STOP, reason: 'length' },
  ];
  const call = readChat({ model: 'tiny', messages: MESSAGES, logprobs: true, top_logprobs: 1 });
  const bytes = [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80];
  const written = [{ token: 'é€😀', logprob: -0.5, bytes, top_logprobs: [{ token: '\uFFFD', logprob: -0.5 }] }];
  assert.deepEqual(whole(call, events)['logprobs'], written);
  const [line, last] = streamed(call, events);
  assert.deepEqual([line?.['logprobs'], last?.['logprobs'], last?.['done_reason']], [written, undefined, 'length']);
  const known = [{ ...token('1'), top: [token('1')] }];
  const [, end = STOP] = events;
  assert.deepEqual(
    shapeOf(whole(call, [{ type: 'text', text: '1,', tokens: [], logprobs: known }, end])),
    parsedShape(RECORDED.withLogprobs),
  );
});

test('an answer with reasoning and tool calls is the same streamed and whole', () => {
  const events: readonly WrittenEvent[] = [
    { type: 'reasoning', text: 'It is ', tokens: [] },
    { type: 'reasoning', text: 'far.', tokens: [] },
    { type: 'text', text: 'I look.', tokens: [] },
    { type: 'tool_call', index: 0, id: 'call_a', name: 'weather', arguments: '{"city":', tokens: [] },
    { type: 'tool_call', index: 1, id: 'call_b', name: 'time', arguments: '', tokens: [] },
    { type: 'tool_call', index: 0, arguments: '"Oslo"}', tokens: [] },
    { ...STOP, reason: 'tool_calls' },
  ];
  const call = readChat({ model: 'tiny', messages: MESSAGES });
  const message = {
    role: 'assistant',
    content: 'I look.',
    thinking: 'It is far.',
    tool_calls: [
      { id: 'call_a', function: { index: 0, name: 'weather', arguments: { city: 'Oslo' } } },
      { id: 'call_b', function: { index: 1, name: 'time', arguments: {} } },
    ],
  };
  const body = whole(call, events);
  assert.deepEqual([body['message'], body['done_reason']], [message, 'stop']);
  const lines = streamed(call, events);
  const messages = lines.map((line) => line['message']);
  assert.deepEqual(messages, [
    { role: 'assistant', content: '', thinking: 'It is ' },
    { role: 'assistant', content: '', thinking: 'far.' },
    { role: 'assistant', content: 'I look.' },
    { role: 'assistant', content: '', tool_calls: message.tool_calls },
    { role: 'assistant', content: '' },
  ]);
  assert.deepEqual(shapeOf({ ...lines.at(-1), message: 0 }), shapeOf({ ...body, message: 0 }));
});

test('arguments of a tool call that are not an object are a failure of the model', () => {
  const call = readChat({ model: 'tiny', messages: MESSAGES });
  for (const text of ['{"city":', '[]', '"Oslo"']) {
    const events: readonly WrittenEvent[] = [
      { type: 'tool_call', index: 0, id: 'call_a', name: 'weather', arguments: text, tokens: [] },
      { ...STOP, reason: 'tool_calls' },
    ];
    assert.throws(() => streamed(call, events), { code: 'GENERATION_FAILED' });
    assert.throws(() => whole(call, events), { code: 'GENERATION_FAILED' });
  }
});

test('a stream is read by the client direction as the same answer', async () => {
  const writer = readChat({ model: 'tiny', messages: MESSAGES }).stream(contextOf());
  const events: readonly WrittenEvent[] = [
    { type: 'text', text: 'Two "2"\n', tokens: [] },
    { type: 'tool_call', index: 0, id: 'call_a', name: 'time', arguments: '{"at":[1,null]}', tokens: [] },
    { type: 'finish', reason: 'tool_calls', rawReason: 'stop', usage: USAGE, model: 'tiny' },
  ];
  const text = writer.keepAlive() + events.map((event) => writer.event(event, 0)).join('') + writer.end();
  const read = readStream(bytesOf(text), { model: 'tiny', logprobs: undefined, newCallId: () => 'new' });
  assert.deepEqual(await Array.fromAsync(read), events);
});

test('the last object names the peer that answered last', () => {
  let peer: string | undefined;
  const writer = readChat({ model: 'tiny', messages: MESSAGES }).stream(contextOf({ peer: () => peer }));
  peer = 'anna';
  writer.event({ type: 'text', text: '4', tokens: [] }, 0);
  peer = 'berta';
  assert.equal(writer.moved('berta'), '');
  const [last] = linesOf(writer.event(STOP, 0));
  assert.deepEqual([last?.['remote_model'], last?.['remote_host']], ['tiny', 'berta']);
});

test('a stream is kept alive by an object without content, and fails with an object that has an error', () => {
  const writer = readChat({ model: 'tiny', messages: MESSAGES }).stream(contextOf());
  const [kept] = linesOf(writer.keepAlive());
  assert.deepEqual([kept?.['message'], kept?.['done']], [{ role: 'assistant', content: '' }, false]);
  assert.deepEqual(linesOf(writer.fail(ShoalError.workerLost('It is gone.'))), [{ error: 'It is gone.' }]);
  assert.deepEqual([writer.begin(), writer.end(), writer.contentType], ['', '', 'application/x-ndjson']);
});

test('without messages the model is loaded, or unloaded with keep_alive 0', () => {
  const finish: WrittenEvent = { ...STOP, usage: { promptTokens: 0, completionTokens: 0 } };
  const load = readChat({ model: 'tiny', options: { num_ctx: 64 } });
  assert.deepEqual(load.request, {
    input: { type: 'text', text: '' },
    countOnly: true,
    sampling: {},
    stop: [],
    contextLength: 64,
  });
  assert.deepEqual(streamed(load, [finish]).map(shapeOf), [parsedShape(RECORDED.load)]);
  assert.deepEqual(shapeOf(whole(load, [finish])), parsedShape(RECORDED.load));
  const unload = readChat({ model: 'tiny', messages: [], keep_alive: 0 });
  assert.equal(unload.request.keepAliveMs, 0);
  assert.equal(whole(unload, [finish])['done_reason'], 'unload');
});

function parsedShape(text: string): unknown {
  return shapeOf(JSON.parse(text));
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
