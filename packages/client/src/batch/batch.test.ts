import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import {
  batchRecord,
  type BatchClient,
  type BatchLine,
  type BatchOptions,
  type BatchResult,
  runBatch,
} from './index.ts';
import type { GenerateInput } from '../shoal.ts';

type Answer = (input: GenerateInput, time: number) => Promise<readonly InferenceEvent[]> | readonly InferenceEvent[];

const answerWith = (text: string): readonly InferenceEvent[] => [
  { type: 'text', text, tokens: [] },
  { type: 'finish', reason: 'stop', rawReason: 'end', usage: { promptTokens: 1, completionTokens: 2 }, model: 'tiny' },
];
const fail = (code: ShoalError['code']): readonly InferenceEvent[] => [
  { type: 'error', error: new ShoalError(code, `The code is ${code}.`) },
];

/** A network whose workers have slots, and whose answers come from the test. */
class FakeNetwork implements BatchClient {
  slots: readonly number[];
  /** The load of each worker for others. */
  othersLoad = 0;
  running = 0;
  most = 0;
  readonly received: string[] = [];
  readonly #answer: Answer;
  readonly #listeners = new Set<() => void>();

  constructor(slots: readonly number[], answer: Answer) {
    this.slots = slots;
    this.#answer = answer;
  }

  peers() {
    return this.slots.map((slots) => ({
      info: { dialect: 'shoal', name: 'W', lends: true, models: [{ id: 'tiny' }], capacity: { slots, queue: 0 } },
      othersLoad: this.othersLoad,
    }));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(slots: readonly number[]): void {
    this.slots = slots;
    for (const listener of this.#listeners) listener();
  }

  async *generate(input: GenerateInput): AsyncGenerator<InferenceEvent> {
    const content = input.messages?.[0]?.content ?? '';
    this.received.push(content);
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    try {
      yield* await this.#answer(input, this.received.filter((one) => one === content).length);
    } finally {
      this.running -= 1;
    }
  }
}

const lineOf = (line: number, model?: string): BatchLine => ({
  line,
  customId: `q${line}`,
  input: { messages: [{ role: 'user', content: `q${line}` }], model },
});
const linesOf = (count: number): BatchLine[] => Array.from({ length: count }, (_, index) => lineOf(index + 1));

async function run(client: FakeNetwork, lines: readonly BatchLine[], options: Partial<BatchOptions> = {}) {
  const results: BatchResult[] = [];
  // With 0 each delay is half of its longest value.
  for await (const result of runBatch({ client, lines, random: () => 0, ...options })) results.push(result);
  return results;
}

const outcomeOf = (result: BatchResult): string => ('answer' in result ? result.answer.text : result.error.code);

test('every line is requested once, at most as many at the same time as the workers have slots', async () => {
  const network = new FakeNetwork([2, 1], async () => {
    await new Promise(setImmediate);
    return answerWith('yes');
  });
  const results = await run(network, linesOf(20));
  assert.deepEqual(new Set(results.map(({ customId }) => customId)), new Set(network.received));
  assert.deepEqual([results.length, network.received.length, new Set(network.received).size], [20, 20, 20]);
  assert.equal(network.most, 3);
  assert.ok(results.every((result) => outcomeOf(result) === 'yes'));
});

test('slots that workers use for others are not used, except for one request', async () => {
  for (const [othersLoad, most] of [
    [1, 2],
    [3, 1],
  ] as const) {
    const network = new FakeNetwork([2, 2], async () => {
      await new Promise(setImmediate);
      return answerWith('yes');
    });
    network.othersLoad = othersLoad;
    await run(network, linesOf(9));
    assert.equal(network.most, most);
  }
});

test('concurrency limits the open requests', async () => {
  const network = new FakeNetwork([8], async () => {
    await new Promise(setImmediate);
    return answerWith('yes');
  });
  await run(network, linesOf(9), { concurrency: 2 });
  assert.equal(network.most, 2);
});

test('a new worker is used at once', async () => {
  const release = Promise.withResolvers<void>();
  const network = new FakeNetwork([1], async () => {
    if (network.running === 1) setImmediate(() => network.change([1, 1]));
    else release.resolve();
    await release.promise;
    return answerWith('yes');
  });
  assert.equal((await run(network, linesOf(2))).length, 2);
  assert.equal(network.most, 2);
});

test('results are in order of completion, and an invalid line is a result without a request', async () => {
  const second = Promise.withResolvers<void>();
  const network = new FakeNetwork([2], async ({ messages }) => {
    if (messages?.[0]?.content === 'q1') await second.promise;
    return answerWith('yes');
  });
  const mistake: BatchLine = { line: 3, customId: 'bad', error: ShoalError.invalidRequest('No.') };
  const order: string[] = [];
  for await (const { customId } of runBatch({ client: network, lines: [lineOf(1), lineOf(2), mistake] })) {
    order.push(customId ?? '');
    if (order.length === 2) second.resolve();
  }
  assert.deepEqual(order.slice(0, 2).toSorted(), ['bad', 'q2']);
  assert.deepEqual(order[2], 'q1');
  assert.deepEqual(network.received, ['q1', 'q2']);
});

test('lines run ahead of the oldest open one by at most the window', async () => {
  const first = Promise.withResolvers<void>();
  const network = new FakeNetwork([4], async ({ messages }) => {
    if (messages?.[0]?.content === 'q1') await first.promise;
    return answerWith('yes');
  });
  let results = 0;
  for await (const _ of runBatch({ client: network, lines: linesOf(12), windowLines: 5 })) {
    results += 1;
    if (results !== 4) continue;
    // Four of five have ended; only the first is open.
    assert.deepEqual(network.received, ['q1', 'q2', 'q3', 'q4', 'q5']);
    first.resolve();
  }
  assert.equal(results, 12);
});

test('busy workers are retried without limit', async () => {
  const network = new FakeNetwork([1], (_, time) => (time <= 3 ? fail('QUEUE_FULL') : answerWith('yes')));
  const [result] = await run(network, linesOf(1), { retries: 0 });
  assert.ok(result !== undefined && outcomeOf(result) === 'yes');
  assert.equal(network.received.length, 4);
});

test('a line that fails is retried, and then has finally failed', async () => {
  const network = new FakeNetwork([2], ({ messages }, time) =>
    messages?.[0]?.content === 'q1' || time === 1 ? fail('WORKER_LOST') : answerWith('yes'),
  );
  const results = await run(network, linesOf(2), { retries: 1 });
  assert.deepEqual(results.map((result) => `${result.customId} ${outcomeOf(result)}`).toSorted(), [
    'q1 WORKER_LOST',
    'q2 yes',
  ]);
  assert.deepEqual(network.received.toSorted(), ['q1', 'q1', 'q2', 'q2']);
});

test('the deadline covers all retries of a line and their delays, and each is told what is left', async () => {
  const told: unknown[] = [];
  const network = new FakeNetwork([1], ({ deadlineMs }) => {
    told.push(deadlineMs);
    return fail('QUEUE_FULL');
  });
  const [result] = await run(network, linesOf(1), { deadlineMs: 120 });
  assert.ok(result !== undefined && outcomeOf(result) === 'DEADLINE_EXCEEDED');
  const left = told.filter((ms) => typeof ms === 'number');
  assert.equal(left.length, told.length);
  assert.ok(left.length >= 2 && left.every((ms, index) => ms <= (left[index - 1] ?? 120)), left.join());
});

test('a request that no worker can answer is not retried', async () => {
  const network = new FakeNetwork([1], () => fail('CONTEXT_EXCEEDED'));
  assert.deepEqual((await run(network, linesOf(1))).map(outcomeOf), ['CONTEXT_EXCEEDED']);
  assert.equal(network.received.length, 1);
});

test('an aborted answer is a failure', async () => {
  const network = new FakeNetwork([1], () => [
    { type: 'text', text: 'ha', tokens: [] },
    { type: 'finish', reason: 'abort', rawReason: 'abort' },
  ]);
  assert.deepEqual((await run(network, linesOf(1), { retries: 0 })).map(outcomeOf), ['GENERATION_ABORTED']);
});

test('a model that no worker has fails its lines only, after the timeout', async () => {
  const network = new FakeNetwork([2], ({ model }) => (model === 'huge' ? fail('MODEL_NOT_FOUND') : answerWith('yes')));
  const results = await run(network, [lineOf(1, 'huge'), lineOf(2, 'tiny')], { workerTimeoutMs: 1 });
  assert.deepEqual(results.map(outcomeOf).toSorted(), ['MODEL_NOT_FOUND', 'yes']);
});

test('the model of the batch replaces the models of the lines', async () => {
  const models: (string | undefined)[] = [];
  const network = new FakeNetwork([1], ({ model }) => {
    models.push(model);
    return answerWith('yes');
  });
  await run(network, [lineOf(1, 'gpt-4o-mini'), lineOf(2)], { model: 'tiny' });
  assert.deepEqual(models, ['tiny', 'tiny']);
});

test('the batch continues with a worker that returns in time', async () => {
  const network = new FakeNetwork([], (_, time) => {
    if (time === 1) network.change([1]);
    return time === 1 ? fail('HOST_OFFLINE') : answerWith('yes');
  });
  assert.deepEqual((await run(network, linesOf(1), { retries: 0 })).map(outcomeOf), ['yes']);
});

test('without a worker the batch ends with HOST_OFFLINE, and no line has failed', async () => {
  const network = new FakeNetwork([], () => fail('HOST_OFFLINE'));
  const results: BatchResult[] = [];
  await assert.rejects(
    async () => {
      for await (const result of runBatch({ client: network, lines: linesOf(3), workerTimeoutMs: 0 }))
        results.push(result);
    },
    { code: 'HOST_OFFLINE' },
  );
  assert.deepEqual(results, []);
});

test('workers that refuse this client end the batch at once, and no line has failed', async () => {
  const network = new FakeNetwork([], () => fail('UNAUTHORIZED'));
  await assert.rejects(run(network, linesOf(3)), { code: 'UNAUTHORIZED' });
});

test('the signal aborts open requests and starts no more', async () => {
  const abort = new AbortController();
  const network = new FakeNetwork([2], async ({ signal }) => {
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', resolve));
    if (network.running === 2) abort.abort();
    await aborted;
    return [{ type: 'finish', reason: 'abort', rawReason: 'abort' }];
  });
  assert.deepEqual(await run(network, linesOf(5), { signal: abort.signal }), []);
  assert.deepEqual(network.received, ['q1', 'q2']);
  assert.equal(network.running, 0);
});

test('an error of the lines ends the batch with that error', async () => {
  const network = new FakeNetwork([1], () => answerWith('yes'));
  async function* lines(): AsyncGenerator<BatchLine> {
    yield lineOf(1);
    throw new ShoalError('STORAGE_FULL', 'The disk is gone.');
  }
  await assert.rejects(Array.fromAsync(runBatch({ client: network, lines: lines() })), { code: 'STORAGE_FULL' });
});

test('a result is a line of the batch output format', async () => {
  const network = new FakeNetwork([1], () => answerWith('yes'));
  const [answered] = await run(network, linesOf(1));
  assert.ok(answered !== undefined);
  assert.deepEqual(batchRecord('batch_req_7', answered, 5), {
    id: 'batch_req_7',
    custom_id: 'q1',
    response: {
      status_code: 200,
      request_id: 'batch_req_7',
      body: {
        id: 'chatcmpl-batch_req_7',
        object: 'chat.completion',
        created: 5,
        model: 'tiny',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'yes', refusal: null },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
      },
    },
    error: null,
  });
  assert.deepEqual(batchRecord('batch_req_8', { line: 8, error: ShoalError.invalidRequest('No.') }, 5), {
    id: 'batch_req_8',
    custom_id: null,
    response: null,
    error: { code: 'INVALID_REQUEST', message: 'No.', line: 8 },
  });
});

test('a result carries tool calls and probabilities as the chat API does', async () => {
  const logprob = { text: 'Hm', logprob: -0.5 };
  const network = new FakeNetwork([1], () => [
    { type: 'text', text: 'Hm', tokens: [7], logprobs: [{ ...logprob, token: 7, top: [logprob] }] },
    { type: 'tool_call', index: 0, id: 'call_1', name: 'weather', arguments: '{"city":', tokens: [] },
    { type: 'tool_call', index: 1, id: 'call_2', name: 'time', arguments: '{}', tokens: [] },
    { type: 'tool_call', index: 0, arguments: '"Oslo"}', tokens: [] },
    { type: 'finish', reason: 'tool_calls', rawReason: 'end', model: 'tiny' },
  ]);
  const [answered] = await run(network, linesOf(1));
  assert.ok(answered !== undefined);
  const token = { token: 'Hm', logprob: -0.5, bytes: null };
  assert.partialDeepStrictEqual(batchRecord('batch_req_7', answered, 5), {
    response: {
      body: {
        choices: [
          {
            message: {
              role: 'assistant',
              content: 'Hm',
              tool_calls: [
                { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
                { id: 'call_2', type: 'function', function: { name: 'time', arguments: '{}' } },
              ],
            },
            logprobs: { content: [{ ...token, top_logprobs: [token] }], refusal: null },
            finish_reason: 'tool_calls',
          },
        ],
        usage: null,
      },
    },
  });
});
