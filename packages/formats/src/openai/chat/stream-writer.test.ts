import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FinishEvent, SampledLogprob } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { WrittenEvent } from '../../call.ts';
import { readStream } from '../stream.ts';
import { bodyOf, chunksOf, CONTEXT, dataOf, foldChunks, streamOf } from '../testing/stream.ts';
import { readChat } from './request.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const usage = { promptTokens: 3, cachedTokens: 1, completionTokens: 2 };

function textOf(text: string, logprobs?: readonly SampledLogprob[]): WrittenEvent {
  return { type: 'text', text, tokens: [], logprobs };
}

function finishOf(reason: FinishEvent['reason'], more: Partial<FinishEvent> = {}): WrittenEvent {
  return { type: 'finish', reason, rawReason: 'end', usage, ...more };
}

const sampled: SampledLogprob = { text: 'H', logprob: -0.5, token: 7, top: [{ text: '\u2028', logprob: -0.1 }] };
const nasty = 'a "b" \\ \n\r\n\t \u0000 \u0085 \u2028\u2029 é 😀 \ud800 data: [DONE]\n\n';

const answers: Readonly<Record<string, readonly WrittenEvent[]>> = {
  'of text': [textOf('Hello'), textOf(''), textOf(', you'), finishOf('stop')],
  'without text': [finishOf('length')],
  'without usage': [textOf('Hello'), finishOf('length', { usage: undefined })],
  'with reasoning': [
    { type: 'reasoning', text: 'Hm', tokens: [] },
    { type: 'reasoning', text: '.', tokens: [] },
    textOf('Yes'),
    finishOf('stop'),
  ],
  'with tool calls after text': [
    textOf('Let me see.'),
    { type: 'tool_call', index: 0, id: 'call_1', name: 'weather', arguments: '', tokens: [] },
    { type: 'tool_call', index: 0, arguments: '{"city":', tokens: [] },
    { type: 'tool_call', index: 0, arguments: '"Os\u2028lo"}', tokens: [] },
    { type: 'tool_call', index: 1, id: 'call_2', name: 'time', arguments: '{}', tokens: [] },
    finishOf('tool_calls'),
  ],
  'with log probabilities': [textOf('H', [sampled]), textOf('', [sampled]), textOf('i', [sampled]), finishOf('stop')],
  'of nasty characters': [{ type: 'reasoning', text: nasty, tokens: [] }, textOf(nasty), finishOf('stop')],
};

for (const [what, events] of Object.entries(answers)) {
  test(`an answer ${what} is the same streamed and whole`, () => {
    const call = readChat({ messages, n: 2, stream_options: { include_usage: true } });
    const both = [events, [textOf('Other'), finishOf('stop')]];
    const chunks = chunksOf(streamOf(call, both));
    const { usage: total = null, ...whole } = bodyOf(call, both);
    assert.deepEqual(foldChunks(chunks, 'chat.completion'), { ...whole, usage: total ?? undefined });
  });
}

test('a whole answer has every key of its format', () => {
  const call = readChat({ messages, n: 2 });
  const both = [answers['with log probabilities'] ?? [], answers['with reasoning'] ?? []];
  const entry = {
    token: 'H',
    logprob: -0.5,
    bytes: null,
    top_logprobs: [{ token: '\u2028', logprob: -0.1, bytes: null }],
  };
  assert.deepEqual(bodyOf(call, both), {
    id: 'chatcmpl-abc',
    object: 'chat.completion',
    created: 5,
    model: 'tiny',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hi', refusal: null },
        logprobs: { content: [entry, entry, entry], refusal: null },
        finish_reason: 'stop',
      },
      {
        index: 1,
        message: { role: 'assistant', content: 'Yes', refusal: null, reasoning_content: 'Hm.', reasoning: 'Hm.' },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: { cached_tokens: 1 } },
  });
});

test('the content of a message that only calls tools is null', () => {
  const call: WrittenEvent = { type: 'tool_call', index: 0, id: 'c', name: 'n', arguments: '{}', tokens: [] };
  assert.partialDeepStrictEqual(bodyOf(readChat({ messages }), [[call, finishOf('tool_calls')]]), {
    choices: [
      {
        message: {
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'n', arguments: '{}' } }],
        },
        finish_reason: 'tool_calls',
      },
    ],
  });
});

test('chunks begin with the role and have null where nothing is known yet', () => {
  const chunk = { id: 'chatcmpl-abc', object: 'chat.completion.chunk', created: 5, model: 'tiny' };
  const choice = { index: 0, logprobs: null, finish_reason: null };
  assert.deepEqual(chunksOf(streamOf(readChat({ messages }), [[textOf('Hi'), finishOf('stop')]])), [
    { ...chunk, choices: [{ ...choice, delta: { role: 'assistant', content: '', refusal: null } }] },
    { ...chunk, choices: [{ ...choice, delta: { content: 'Hi' } }] },
    { ...chunk, choices: [{ ...choice, delta: {}, finish_reason: 'stop' }] },
  ]);
});

test('the usage comes in one more chunk if it is requested', () => {
  const call = readChat({ messages, stream: true, stream_options: { include_usage: true } });
  const chunks = chunksOf(streamOf(call, [[textOf('Hi'), finishOf('stop')]]));
  assert.deepEqual(
    chunks.map((chunk) => chunk['usage']),
    [
      null,
      null,
      null,
      { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, prompt_tokens_details: { cached_tokens: 1 } },
    ],
  );
  assert.deepEqual(chunks.at(-1)?.['choices'], []);
});

test('a stream is read by our own client as the same events', async () => {
  const events = answers['with tool calls after text'] ?? [];
  const stream = streamOf(readChat({ messages, stream_options: { include_usage: true } }), [events]);
  const read = await Array.fromAsync(
    readStream(inOnePiece(stream), {
      model: 'tiny',
      request: {},
      newCallId: () => 'unused',
    }),
  );
  assert.deepEqual(
    read.filter(({ type }) => type === 'tool_call'),
    events.filter(({ type }) => type === 'tool_call'),
  );
  assert.partialDeepStrictEqual(read.at(-1), { type: 'finish', reason: 'tool_calls', usage });
});

async function* inOnePiece(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

test('an event is one line for clients that split at every line end of Unicode', () => {
  const stream = streamOf(readChat({ messages }), [answers['of nasty characters'] ?? []]);
  // JSON escapes the line ends among the control characters below U+0020.
  for (const line of stream.split(/[\n\r\u0085\u2028\u2029]/)) {
    if (line !== '') assert.match(line, /^data: (\{.*\}|\[DONE\])$/);
  }
});

test('an answer that fails ends with the error and without [DONE]', () => {
  const writer = readChat({ messages }).stream(CONTEXT);
  const stream = writer.event(textOf('Hi'), 0) + writer.fail(ShoalError.workerLost('The worker is "lost".\n'));
  const data = dataOf(stream);
  assert.equal(data.includes('[DONE]'), false);
  assert.deepEqual(JSON.parse(data.at(-1) ?? ''), {
    error: { message: 'The worker is "lost".\n', type: 'server_error', param: null, code: 'server_error' },
  });
});

test('keep-alives and changes of the worker are comments of one line', () => {
  const writer = readChat({ messages }).stream(CONTEXT);
  assert.equal(writer.contentType, 'text/event-stream; charset=utf-8');
  assert.equal(writer.begin(), '');
  const comments =
    writer.keepAlive() + writer.moved('peer\n\ndata: {}\r\u2028\u0085x') + writer.moved('x'.repeat(9999));
  assert.deepEqual(dataOf(comments), []);
  assert.ok(comments.includes(': the answer continues on peer data: {} x\n\n'));
  assert.ok(comments.length < 500);
});
