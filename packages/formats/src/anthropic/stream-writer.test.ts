import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FinishEvent, FinishReason } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { JsonObject } from '@shoal/protocol/json';
import { AnswerBuilder } from '../answer.ts';
import type { AnswerContext, WrittenEvent } from '../call.ts';
import { countIn, objectIn, parseObject } from '../json.ts';
import { type AnswerOptions, writeMessage } from './response.ts';
import { StreamWriter } from './stream-writer.ts';

const CONTEXT: AnswerContext = {
  id: 'abc',
  createdAt: 0,
  startedAt: 0,
  beganAt: () => undefined,
  now: () => 0,
  model: () => 'tiny',
  peer: () => undefined,
};
const OPTIONS: AnswerOptions = { stop: [], showsThinking: true };

const text = (content: string): WrittenEvent => ({ type: 'text', text: content, tokens: [] });
const reasoning = (content: string): WrittenEvent => ({ type: 'reasoning', text: content, tokens: [] });
const begin = (index: number, id: string, content = ''): WrittenEvent => ({
  type: 'tool_call',
  index,
  id,
  name: 'weather',
  arguments: content,
  tokens: [],
});
const more = (index: number, content: string): WrittenEvent => ({
  type: 'tool_call',
  index,
  arguments: content,
  tokens: [],
});
const finish = (reason: FinishReason, rawReason = 'raw'): FinishEvent => ({
  type: 'finish',
  reason,
  rawReason,
  usage: { promptTokens: 100, cachedTokens: 40, completionTokens: 7 },
});

/** Returns the data of the events. Their names agree with their types. */
function stream(events: readonly WrittenEvent[], options = OPTIONS): readonly JsonObject[] {
  const writer = new StreamWriter(options, CONTEXT);
  const written = [writer.begin(), ...events.map((event) => writer.event(event)), writer.end()].join('');
  return written.split('\n\n').slice(0, -1).map(parse);
}

function parse(event: string): JsonObject {
  const [, name, data] = /^event: (\w+)\ndata: ([^\n]*)$/.exec(event) ?? [];
  const parsed = parseObject(data ?? '');
  assert.ok(parsed !== undefined && parsed['type'] === name, event);
  return parsed;
}

/** One line per event: the type, the block's index, and the type of the block or of its piece. */
function outline(events: readonly WrittenEvent[], options = OPTIONS): readonly string[] {
  return stream(events, options).map((event) => {
    const part = objectIn(event, 'content_block') ?? objectIn(event, 'delta');
    const words = [event['type'], event['index'], part?.['type']];
    return words.flatMap((word) => (typeof word === 'string' || typeof word === 'number' ? [word] : [])).join(' ');
  });
}

/** Joins a stream as clients do. */
function fold(events: readonly JsonObject[]): JsonObject {
  let message: JsonObject = {};
  const blocks: Record<string, unknown>[] = [];
  let json = '';
  for (const event of events) {
    const [delta, index] = [objectIn(event, 'delta') ?? {}, countIn(event, 'index') ?? 0];
    const block = blocks[index] ?? {};
    if (event['type'] === 'message_start') message = objectIn(event, 'message') ?? {};
    else if (event['type'] === 'content_block_start') blocks.push({ ...objectIn(event, 'content_block') });
    else if (event['type'] === 'content_block_stop') {
      if (json !== '') block['input'] = JSON.parse(json);
      json = '';
    } else if (event['type'] === 'message_delta') {
      const usage = { ...objectIn(message, 'usage'), ...objectIn(event, 'usage') };
      message = { ...message, ...delta, usage };
    } else if (delta['type'] === 'input_json_delta') json += String(delta['partial_json']);
    else if (event['type'] === 'content_block_delta') {
      const field = delta['type'] === 'text_delta' ? 'text' : 'thinking';
      block[field] = String(block[field]) + String(delta[field]);
    }
  }
  return { ...message, content: blocks };
}

const END = ['message_delta', 'message_stop'];

for (const [name, events, lines] of [
  ['an empty answer has no blocks', [finish('stop')], ['message_start', ...END]],
  [
    'pieces of text are one block, and empty ones are left out',
    [text(''), text('a'), text(''), text('b'), finish('stop')],
    [
      'message_start',
      'content_block_start 0 text',
      'content_block_delta 0 text_delta',
      'content_block_delta 0 text_delta',
      'content_block_stop 0',
      ...END,
    ],
  ],
  [
    'reasoning, text and each tool call have a block, and only one is open',
    [
      reasoning('r'),
      text('a'),
      begin(0, 'x'),
      more(0, '{"a":'),
      more(0, '1}'),
      begin(1, 'y', '{}'),
      finish('tool_calls'),
    ],
    [
      'message_start',
      'content_block_start 0 thinking',
      'content_block_delta 0 thinking_delta',
      'content_block_stop 0',
      'content_block_start 1 text',
      'content_block_delta 1 text_delta',
      'content_block_stop 1',
      'content_block_start 2 tool_use',
      'content_block_delta 2 input_json_delta',
      'content_block_delta 2 input_json_delta',
      'content_block_stop 2',
      'content_block_start 3 tool_use',
      'content_block_delta 3 input_json_delta',
      'content_block_stop 3',
      ...END,
    ],
  ],
  [
    'an earlier call that turns out to have no arguments stays as it is',
    [begin(0, 'x'), begin(1, 'y'), more(0, '{}'), more(1, '{}'), finish('tool_calls')],
    [
      'message_start',
      'content_block_start 0 tool_use',
      'content_block_stop 0',
      'content_block_start 1 tool_use',
      'content_block_delta 1 input_json_delta',
      'content_block_stop 1',
      ...END,
    ],
  ],
] as const) {
  test(`streamed: ${name}`, () => assert.deepEqual(outline(events), lines));
}

test('reasoning that the client does not want to see starts the message and has no block', () => {
  const events = [reasoning('r'), reasoning('s'), finish('stop')];
  assert.deepEqual(outline(events, { ...OPTIONS, showsThinking: false }), ['message_start', ...END]);
});

for (const [name, stop, events] of [
  ['nothing', [], [finish('stop')]],
  ['text in several scripts', [], [text('Hi "there"\n'), text('\u2028\u0000😀é'), finish('stop')]],
  ['text up to the limit', [], [text('Hi'), finish('length', 'maxTokens')]],
  ['text before a stop string', ['END'], [text('Hi'), finish('stop', 'stop string')]],
  ['text before one of two stop strings', ['END', '.'], [text('Hi'), finish('stop', 'stop string')]],
  ['an answer without counts', [], [text('Hi'), { ...finish('stop'), usage: undefined }]],
  ['reasoning and text', [], [reasoning('Let '), reasoning('me'), text('Hi'), finish('stop')]],
  [
    'tool calls',
    [],
    [begin(0, 'call_1', '{"ci'), more(0, 'ty":"Oslo"}'), begin(1, 'not: valid'), begin(2, ''), finish('tool_calls')],
  ],
] as const) {
  for (const showsThinking of [true, false]) {
    test(`streamed and whole are equal: ${name}, ${showsThinking ? 'with' : 'without'} thinking`, () => {
      const options = { stop, showsThinking };
      const answer = new AnswerBuilder();
      for (const event of events) answer.add(event);
      const end = events.at(-1);
      const completed = end?.type === 'finish' ? answer.finish(end) : undefined;
      assert.ok(completed !== undefined);
      const { container, ...folded } = fold(stream(events, options));
      assert.deepEqual({ ...folded, container }, writeMessage(completed, options, CONTEXT));
    });
  }
}

test('a piece of a call that has ended is an error', () => {
  for (const late of [
    [begin(0, 'x', '{'), begin(1, 'y'), more(0, '}')],
    [begin(0, 'x', '{'), text('a'), more(0, '}')],
    [begin(0, 'x', '{'), begin(1, 'y'), more(0, '{}')],
    [more(0, '{}')],
  ]) {
    assert.throws(() => stream(late), { code: 'GENERATION_FAILED' });
  }
});

test('pings may come before the message, and comments and errors at any time', () => {
  const writer = new StreamWriter(OPTIONS, CONTEXT);
  assert.equal(writer.contentType, 'text/event-stream; charset=utf-8');
  assert.equal(writer.begin() + writer.keepAlive(), 'event: ping\ndata: {"type": "ping"}\n\n');
  assert.equal(writer.moved('ann\n\ndata: \u009bx\u007f'), ': the answer continues on ann data:  x \n\n');
  const failure = parse(writer.fail(new ShoalError('WORKER_LOST', 'It is gone.')).trimEnd());
  const error = { type: 'api_error', message: 'It is gone.' };
  assert.deepEqual(failure, { type: 'error', error, request_id: null });
});
