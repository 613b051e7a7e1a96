import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { AnswerBuilder } from '../../answer.ts';
import type { AnswerWriter, WrittenEvent } from '../../call.ts';
import { readResponses } from './index.ts';
import { testContext } from './testing/context.ts';

const USAGE = { promptTokens: 5, completionTokens: 9 };
const CALL = readResponses({ input: 'Hi.', stream: true }, undefined);
/** The events of one part of a message. */
const MESSAGE = [
  'output_item.added',
  'content_part.added',
  'output_text.delta',
  'output_text.done',
  'content_part.done',
];

const text = (value: string): WrittenEvent => ({ type: 'text', text: value, tokens: [] });
const reasoning = (value: string): WrittenEvent => ({ type: 'reasoning', text: value, tokens: [] });
const finish = (reason: 'stop' | 'length' | 'tool_calls'): WrittenEvent => ({
  type: 'finish',
  reason,
  rawReason: reason,
  usage: USAGE,
});

/** The first piece of a call has a name. */
function piece(index: number, value: string, name?: string): WrittenEvent {
  const begun = name === undefined ? {} : { id: `call_${index}`, name };
  return { type: 'tool_call', index, ...begun, arguments: value, tokens: [] };
}

/** Returns the data of one event. */
function dataOf(event: string): unknown {
  return JSON.parse(event.slice(event.indexOf('data: ') + 'data: '.length));
}

/** Returns the events of a stream. Fails unless each has the name of its type, and the numbers count from 0. */
function eventsIn(stream: string): readonly JsonObject[] {
  return stream
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block, index) => {
      const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/s.exec(block) ?? [];
      const event: unknown = JSON.parse(data);
      assert.ok(isObject(event));
      assert.deepEqual([event['type'], event['sequence_number']], [name, index]);
      return event;
    });
}

function streamOf(events: readonly WrittenEvent[], writer: AnswerWriter = CALL.stream(testContext())): string {
  return writer.begin() + events.map((event) => writer.event(event, 0)).join('') + writer.end();
}

/** Names without `response.`, and each run of equal names once. */
function namesOf(events: readonly JsonObject[]): readonly string[] {
  const names = events.map(({ type }) => String(type).replace(/^response\./, ''));
  return names.filter((name, index) => name !== names[index - 1]);
}

/** Builds the output from the events of items, as a client does that ignores the last event. */
function outputFolded(events: readonly JsonObject[]): readonly unknown[] {
  const output: { item: JsonObject; text: string }[] = [];
  for (const { type, output_index: at, item, delta, ...rest } of events) {
    const known = output[Number(at)];
    if (type === 'response.output_item.added') {
      assert.ok(isObject(item) && Number(at) === output.length);
      output.push({ item, text: '' });
    } else if (known === undefined) continue;
    else if (type === 'response.output_item.done') {
      assert.ok(isObject(item));
      assert.deepEqual(JSON.stringify(item).includes(JSON.stringify(known.text)), true);
      assert.equal(item['id'], known.item['id']);
      known.item = item;
    } else {
      assert.equal(rest['item_id'], known.item['id']);
      if (typeof delta === 'string') known.text += delta;
      else if (typeof rest['arguments'] === 'string') assert.equal(rest['arguments'], known.text);
      else if (typeof rest['text'] === 'string') assert.equal(rest['text'], known.text);
    }
  }
  return output.map(({ item }) => item);
}

const ANSWERS: Readonly<Record<string, readonly [events: readonly WrittenEvent[], names: readonly string[]]>> = {
  text: [
    [text('Hel'), text('lo "you"\n'), finish('stop')],
    ['created', 'in_progress', ...MESSAGE, 'output_item.done', 'completed'],
  ],
  'reasoning and text': [
    [reasoning('Hm'), reasoning('.'), text('Hello'), finish('stop')],
    [
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'reasoning_text.delta',
      'reasoning_text.done',
      'content_part.done',
      'output_item.done',
      ...MESSAGE,
      'output_item.done',
      'completed',
    ],
  ],
  'text and calls': [
    [text('Wait.'), piece(0, '', 'a'), piece(0, '{"x"'), piece(0, ':1}'), piece(1, '{}', 'b'), finish('tool_calls')],
    [
      'created',
      'in_progress',
      ...MESSAGE,
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ],
  ],
  'calls whose arguments alternate': [
    [piece(0, '', 'a'), piece(1, '{"y":', 'b'), piece(0, '{}'), piece(1, '2}'), finish('tool_calls')],
    [
      'created',
      'in_progress',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ],
  ],
  'text up to a limit': [
    [reasoning('Hm.'), text('Hel'), finish('length')],
    [
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'reasoning_text.delta',
      'reasoning_text.done',
      'content_part.done',
      'output_item.done',
      ...MESSAGE,
      'output_item.done',
      'incomplete',
    ],
  ],
  'a call up to a limit': [
    [piece(0, '{"x', 'a'), finish('length')],
    [
      'created',
      'in_progress',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'incomplete',
    ],
  ],
  nothing: [
    [text(''), finish('stop')],
    [
      'created',
      'in_progress',
      ...MESSAGE.filter((name) => name !== 'output_text.delta'),
      'output_item.done',
      'completed',
    ],
  ],
};

for (const [name, [answer, names]] of Object.entries(ANSWERS)) {
  test(`the stream of ${name} has its events in order and gives the same response as without streaming`, () => {
    const events = eventsIn(streamOf(answer));
    const builder = new AnswerBuilder();
    for (const event of answer) builder.add(event);
    const end = answer.at(-1);
    const completed = end?.type === 'finish' ? builder.finish(end) : undefined;
    const whole: unknown = JSON.parse(JSON.stringify(CALL.write(completed ? [completed] : [], testContext())));
    assert.ok(isObject(whole));
    assert.deepEqual(namesOf(events), names);
    assert.deepEqual(events.at(-1)?.['response'], whole);
    assert.deepEqual(outputFolded(events), whole['output']);
  });
}

test('the first two events have the response without output and usage', () => {
  const [created, inProgress, ...others] = eventsIn(CALL.stream(testContext()).begin());
  const response = created?.['response'];
  assert.ok(isObject(response));
  const expected = { id: 'resp_7', status: 'in_progress', output: [], usage: null, completed_at: null };
  assert.partialDeepStrictEqual(response, expected);
  assert.deepEqual(inProgress?.['response'], response);
  assert.deepEqual(others, []);
});

test('a piece of text is one event with its place and its log probabilities', () => {
  const writer = CALL.stream(testContext());
  writer.begin();
  writer.event(reasoning('Hm.'), 0);
  writer.event(text('a'), 0);
  const type = 'response.output_text.delta';
  const place = { item_id: 'msg_7', output_index: 1, content_index: 0 };
  const plain = dataOf(writer.event(text('b\n\u2028"'), 0));
  assert.deepEqual(plain, { type, sequence_number: 11, ...place, logprobs: [], delta: 'b\n\u2028"' });
  const logprobs = [{ text: 'c', logprob: -1, top: [] }];
  const sampled = dataOf(writer.event({ type: 'text', text: 'c', tokens: [], logprobs }, 0));
  const written = [{ token: 'c', logprob: -1, bytes: [99], top_logprobs: [] }];
  assert.deepEqual(sampled, { type, sequence_number: 12, ...place, logprobs: written, delta: 'c' });
  const end = eventsIn(streamOf([{ type: 'text', text: 'c', tokens: [], logprobs }, finish('stop')]));
  const done = end.find((event) => event['type'] === 'response.output_text.done');
  assert.partialDeepStrictEqual(done, { text: 'c', logprobs: written });
});

test('text after a call is another message', () => {
  const events = eventsIn(streamOf([text('a'), piece(0, '{}', 'x'), text('b'), finish('stop')]));
  const output = outputFolded(events);
  assert.partialDeepStrictEqual(output, [{ id: 'msg_7' }, { id: 'fc_7_0' }, { id: 'msg_7_1' }]);
  assert.partialDeepStrictEqual(events.at(-1), { response: { output } });
});

test('a connection is kept alive with the response so far', () => {
  const writer = CALL.stream(testContext());
  const events = eventsIn(
    [
      writer.begin(),
      writer.keepAlive(),
      writer.event(text('a'), 0),
      writer.keepAlive(),
      writer.event(text('b'), 0),
    ].join(''),
  );
  assert.deepEqual(namesOf(events), [
    'created',
    'in_progress',
    'output_item.added',
    'content_part.added',
    'output_text.delta',
    'in_progress',
    'output_text.delta',
  ]);
  assert.partialDeepStrictEqual(events[2], { response: { status: 'in_progress', output: [] } });
  assert.partialDeepStrictEqual(events[6], {
    response: { output: [{ id: 'msg_7', status: 'in_progress', content: [{ text: 'a' }] }] },
  });
});

test('another worker is named in a comment without control characters', () => {
  assert.equal(CALL.stream(testContext()).moved('a\n\ndata: b\u0085'), ': the answer continues on a data: b \n\n');
});

test('a failure is an error and then the last event, with the output so far', () => {
  const writer = CALL.stream(testContext());
  const before = streamOf([piece(0, '{}', 'x'), text('Hel')], writer);
  const failure = writer.fail(ShoalError.workerLost('The worker was lost. Send the request again.'));
  const [error, failed] = eventsIn(before + failure).slice(-2);
  const message = 'The worker was lost. Send the request again.';
  const { sequence_number: _number, ...fields } = error ?? {};
  const flat = { code: 'server_error', message, param: null };
  assert.deepEqual(fields, { type: 'error', ...flat, error: { type: 'server_error', ...flat } });
  assert.partialDeepStrictEqual(failed, {
    type: 'response.failed',
    response: {
      status: 'failed',
      error: { code: 'server_error', message },
      output: [
        { id: 'fc_7_0', status: 'completed' },
        { id: 'msg_7', status: 'incomplete' },
      ],
    },
  });
});

test('an error has the code that clients know', () => {
  const cases = [
    [ShoalError.contextExceeded(9, 8), 'context_length_exceeded'],
    [ShoalError.invalidRequest('No.'), 'invalid_prompt'],
    [ShoalError.modelNotFound('x', []), 'invalid_prompt'],
    [new ShoalError('QUEUE_FULL', 'Full.'), 'rate_limit_exceeded'],
    [new ShoalError('INTERNAL', 'Broken.'), 'server_error'],
  ] as const;
  for (const [error, code] of cases) {
    const [first] = eventsIn(CALL.stream(testContext()).fail(error));
    assert.partialDeepStrictEqual(first, { code, message: error.message });
  }
  const busy = new ShoalError('OVERLOADED', 'The worker is busy.', { retryAfterMs: 1_200 });
  const [first] = eventsIn(CALL.stream(testContext()).fail(busy));
  assert.equal(first?.['message'], 'The worker is busy. Try again in 2s.');
});
