import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { type Line, SilentWorker } from '../test/silent-worker.ts';
import type { GenerationEvent } from './generation.ts';
import { connect, type GenerateInput, type Shoal } from './shoal.ts';

/** Loose, because tests run beside others: bench/deadline.ts measures it. Without a deadline such a request never ends. */
const LATE_MS = 1_000;

async function clientOf(context: TestContext, ...workers: SilentWorker[]): Promise<Shoal> {
  const shoal = await connect({ peers: workers.map(({ address }) => address) });
  context.after(async () => {
    await shoal.close();
    for (const worker of workers) await worker.close();
  });
  const known = Promise.withResolvers<void>();
  const look = (): void => {
    if (shoal.peers().length === workers.length) known.resolve();
  };
  shoal.onChange(look);
  look();
  await known.promise;
  return shoal;
}

/** Returns the events of an answer without its workers, and the milliseconds that it took. */
async function timed(shoal: Shoal, input: GenerateInput): Promise<{ events: GenerationEvent[]; ms: number }> {
  const startedAt = performance.now();
  const events = await Array.fromAsync(shoal.generate(input));
  return { events: events.filter(({ type }) => type !== 'worker'), ms: performance.now() - startedAt };
}

function codesOf(events: readonly GenerationEvent[]): unknown[] {
  return events.map((event) => (event.type === 'error' ? event.error.code : event.type));
}

test('a worker that answers pings and nothing else loses the request at its deadline', async (context) => {
  const worker = await SilentWorker.listen();
  const { events, ms } = await timed(await clientOf(context, worker), { prompt: 'Hi', deadlineMs: 300 });
  assert.deepEqual(codesOf(events), ['DEADLINE_EXCEEDED']);
  assert.ok(ms >= 299 && ms <= 300 + LATE_MS, `it took ${ms} ms`);
  const { deadline_ms: told } = await worker.receives('inference_request');
  assert.ok(typeof told === 'number' && told <= 300);
  await worker.receives('inference_abort');
});

test('the deadline ends an answer that has begun and then stands still, and one that only waits in a queue', async (context) => {
  const begun = await SilentWorker.listen((send) => send({ type: 'inference_chunk', text: 'fo', tokens: [1] }));
  const queued = await SilentWorker.listen((send) => send({ type: 'inference_queued', position: 3 }));
  for (const [worker, first] of [
    [begun, 'text'],
    [queued, 'queued'],
  ] as const) {
    const { events, ms } = await timed(await clientOf(context, worker), { prompt: 'Hi', deadlineMs: 150 });
    assert.deepEqual(codesOf(events), [first, 'DEADLINE_EXCEEDED']);
    assert.ok(ms <= 150 + LATE_MS, `it took ${ms} ms`);
  }
});

test('the deadline covers the search for workers', async (context) => {
  // It accepts connections and sends no hello, so that the client still waits for it.
  const mute = createServer(() => {});
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const address = mute.address();
  assert.ok(address !== null && typeof address === 'object');
  const shoal = await connect({ peers: [`tcp://127.0.0.1:${address.port}`] });
  context.after(async () => {
    await shoal.close();
    mute.close();
  });
  for (const model of ['tiny', 'auto']) {
    const { events, ms } = await timed(shoal, { prompt: 'Hi', model, deadlineMs: 150 });
    assert.deepEqual(codesOf(events), ['DEADLINE_EXCEEDED']);
    assert.ok(ms <= 150 + LATE_MS, `it took ${ms} ms`);
  }
});

test('a deadline that does not fit the wire is refused', async (context) => {
  const shoal = await clientOf(context, await SilentWorker.listen());
  for (const deadlineMs of [0, -1, 1.5, Number.NaN, Infinity]) {
    assert.throws(() => shoal.generate({ prompt: 'Hi', deadlineMs }), { code: 'INVALID_REQUEST' });
  }
});

test('a silent worker is abandoned, and the error says so if nobody else can answer', async (context) => {
  const silent = await SilentWorker.listen();
  const shoal = await clientOf(context, silent);
  const [error] = (await timed(shoal, { prompt: 'Hi', progressTimeoutMs: 50 })).events;
  assert.ok(error?.type === 'error' && error.error.code === 'TIMEOUT_NO_RESPONSE');
  assert.match(error.error.message, /silent is connected but sent nothing of the answer for .* Ask again/);
  await silent.receives('inference_abort');
});

test('an answer that stands still is continued by another worker from its tokens', async (context) => {
  const asked: unknown[] = [];
  const answer = (send: (message: Line) => void, request: Line): void => {
    asked.push(request['resume']);
    if (asked.length === 1) return send({ type: 'inference_chunk', text: 'fo', tokens: [1] });
    send({ type: 'inference_chunk', text: 'ur', tokens: [2] });
    send({ type: 'inference_end', finish_reason: 'stop' });
  };
  const workers = [await SilentWorker.listen(answer), await SilentWorker.listen(answer)];
  const { events } = await timed(await clientOf(context, ...workers), { prompt: 'Hi', progressTimeoutMs: 50 });
  assert.deepEqual(codesOf(events), ['text', 'text', 'finish']);
  assert.deepEqual(asked, [undefined, { text: 'fo', tokens: [1] }]);
});

for (const [name, message] of [
  ['a tool call that nobody asked for', { type: 'inference_tool_call', index: 0, id: 'a', name: 'f', arguments: '{}' }],
  ['an end as aborted that nobody asked for', { type: 'inference_end', finish_reason: 'abort' }],
] as const) {
  test(`${name} is a failure of that worker, and another one answers`, async (context) => {
    let asked = 0;
    const answer = (send: (message: Line) => void): void => {
      asked += 1;
      if (asked === 1) return send(message);
      send({ type: 'inference_chunk', text: 'four', tokens: [1] });
      send({ type: 'inference_end', finish_reason: 'stop' });
    };
    const workers = [await SilentWorker.listen(answer), await SilentWorker.listen(answer)];
    const { events } = await timed(await clientOf(context, ...workers), { prompt: 'Hi' });
    assert.deepEqual(codesOf(events), ['text', 'finish']);
  });
}
