import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { Exchange, Remote } from '@shoal/transport';
import { POSITION_INTERVAL_MS } from './admission.ts';
import { RecordedExchange } from '../test/recorded-exchange.ts';
import { FINISH, ScriptedEngine, type Step } from '../test/scripted-engine.ts';
import type { EndedRequest, RequestEnd } from './scheduler.ts';
import { WANTED_STALL_MS } from './run-request.ts';
import { Worker } from './worker.ts';

const text: InferenceEvent = { type: 'text', text: '4', tokens: [4] };

/** An exchange with a peer that reads nothing. */
class UnreadExchange extends RecordedExchange {
  readonly remote: Remote = { transport: 'tcp', address: '192.0.2.1:7', initiator: false };

  override async send(event: InferenceEvent): Promise<boolean> {
    if ((await super.send(event)) && event.type === 'text') await this.done.promise;
    return !this.ended;
  }
}

async function worker(script: readonly Step[], limits = {}): Promise<{ worker: Worker; engine: ScriptedEngine }> {
  const engine = new ScriptedEngine(script, 4);
  const options = { engine, limits: { slots: 1, queue: 1, maxTokens: 100, ...limits }, health: () => 100 };
  return { worker: await Worker.create(options), engine };
}

/** An engine whose model lists its abilities. */
class LimitedEngine extends ScriptedEngine {
  override async models(): Promise<readonly ModelInfo[]> {
    return [{ id: 'limited', contextLength: 4, abilities: ['messages', 'tokens'] }];
  }
}

async function answered(
  lender: Worker,
  asked: Partial<InferenceRequest> = {},
  queue = lender.queue,
): Promise<RecordedExchange> {
  const exchange = new RecordedExchange(asked);
  queue.answer(exchange);
  await exchange.done.promise;
  return exchange;
}

test('an answer is forwarded event by event, and its lease is returned', async () => {
  const { worker: lender } = await worker([text, text, FINISH]);
  const { events } = await answered(lender);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['text', 'text', 'finish'],
  );
  await lender.close(0);
  assert.equal(lender.status().active, 0);
});

test('an engine that throws ends the answer with INTERNAL, and its message is not sent', async () => {
  const { worker: lender } = await worker([text, 'crash']);
  const exchange = await answered(lender);
  assert.equal(exchange.code, 'INTERNAL');
  assert.ok(!JSON.stringify(exchange.events).includes('secret'));
});

test('an engine that ends without a terminal event is a failure, never a finish', async () => {
  const { worker: lender } = await worker([text, 'end']);
  assert.equal((await answered(lender)).code, 'INTERNAL');
});

test('the next request waits at a position, and the one after that is refused', async () => {
  const { worker: lender } = await worker(['hang']);
  const [running, waiting, refused] = [new RecordedExchange(), new RecordedExchange(), new RecordedExchange()];
  for (const exchange of [running, waiting, refused]) lender.queue.answer(exchange);
  assert.deepEqual(waiting.events, [{ type: 'queued', position: 1 }]);
  assert.equal(refused.code, 'QUEUE_FULL');
  assert.deepEqual([lender.status().active, lender.status().queued], [1, 1]);
  await lender.close(0);
});

test('counts wait for no slot, and too many at once are refused', async () => {
  const { worker: lender } = await worker(['hang']);
  const [running, waiting] = [new RecordedExchange(), new RecordedExchange()];
  for (const exchange of [running, waiting]) lender.queue.answer(exchange);
  const counts = Array.from({ length: 65 }, () => new RecordedExchange({ countOnly: true }));
  for (const exchange of counts) lender.queue.answer(exchange);
  assert.deepEqual([lender.status().active, lender.status().queued], [1, 1]);
  assert.deepEqual(
    counts.map(({ code }) => code),
    [...Array.from({ length: 64 }, () => undefined), 'OVERLOADED'],
  );
  const [first] = counts;
  first?.abort();
  await first?.done.promise;
  await new Promise(setImmediate);
  const next = new RecordedExchange({ countOnly: true });
  lender.queue.answer(next);
  assert.equal(next.code, undefined);
  await lender.close(0);
});

test('own requests have places and limits of their own, and only they change how long a model stays', async () => {
  const { worker: lender, engine } = await worker([text, FINISH], { queue: 0 });
  const asked = { keepAliveMs: 5, sampling: { maxTokens: 1_000 } };
  await answered(lender, asked);
  await answered(lender, asked, lender.ownQueue);
  await answered(lender, {}, lender.ownQueue);
  assert.deepEqual(
    engine.requests.map(({ keepAliveMs, sampling }) => [keepAliveMs, sampling.maxTokens]),
    [
      [undefined, 100],
      [5, 1_000],
      [undefined, undefined],
    ],
  );
  const { worker: busy } = await worker(['hang'], { queue: 0 });
  const [running, own] = [new RecordedExchange(), new RecordedExchange()];
  busy.queue.answer(running);
  busy.ownQueue.answer(own);
  assert.deepEqual(own.events, [{ type: 'queued', position: 1 }]);
  await busy.close(0);
});

test('the end of each request of a peer is reported once, with its door and times', async () => {
  const ends: EndedRequest[] = [];
  const limits = { slots: 1, queue: 1, maxTokens: 100 };
  const onEnd = (ended: EndedRequest): void => void ends.push(ended);
  const engine = new ScriptedEngine([text, FINISH], 4);
  const lender = await Worker.create({ engine, limits, health: () => 100, onEnd });
  const exchange = await answered(lender);
  await lender.scheduler.drained();
  await answered(lender, { model: 'nosuch' }, lender.openQueue({ door: 'qmesh' }));
  await answered(lender, {}, lender.ownQueue);
  await lender.close(0);
  const shown = ends.map(({ door, outcome, error }) => [door, outcome, error?.code]);
  assert.deepEqual(shown, [
    ['clusters', 'answered', undefined],
    ['qmesh', 'refused', 'MODEL_NOT_FOUND'],
  ]);
  const [first] = ends;
  assert.ok(first?.generatingMs !== undefined);
  assert.equal(first.exchange, exchange);
  assert.ok(first.durationMs >= first.generatingMs && first.generatingMs > 0);
});

test('tokens of reasoning are tokens of the answer', async () => {
  const { worker: lender } = await worker([{ type: 'reasoning', text: 'Hm', tokens: [1, 2] }, text, 'hang']);
  const exchange = new RecordedExchange();
  const ended = Promise.withResolvers<RequestEnd>();
  lender.queue.answer(exchange, { onEnd: ended.resolve });
  while (exchange.events.length < 2) await new Promise(setImmediate);
  exchange.abort();
  assert.equal((await ended.promise).tokens, 3);
});

test('an abort reaches the engine, and the slot is free again', async () => {
  const { worker: lender } = await worker([text, 'hang']);
  const first = new RecordedExchange();
  const second = new RecordedExchange();
  lender.queue.answer(first);
  lender.queue.answer(second);
  await first.first.promise;
  first.abort();
  while (second.events.length < 2) await new Promise((resolve) => setImmediate(resolve));
  second.abort();
  await lender.close(0);
  assert.equal(lender.status().active, 0);
});

test('a request whose peer disconnects leaves the queue', async () => {
  const { worker: lender, engine } = await worker(['hang']);
  const waiting = new RecordedExchange();
  lender.queue.answer(new RecordedExchange());
  lender.queue.answer(waiting);
  waiting.abort();
  assert.equal(lender.status().queued, 0);
  await lender.close(0);
  assert.equal(engine.requests.length, 1);
});

test('an answer whose finish is not read counts as aborted', async () => {
  const { worker: lender } = await worker([text, FINISH]);
  const exchange = new RecordedExchange();
  const { promise: over, resolve: onEnd } = Promise.withResolvers<RequestEnd>();
  const send = exchange.send.bind(exchange);
  exchange.send = (event) => {
    if (event.type !== 'finish') return send(event);
    exchange.abort();
    return Promise.resolve(false);
  };
  lender.queue.answer(exchange, { onEnd });
  const { outcome, tokens } = await over;
  assert.deepEqual([outcome, tokens], ['aborted', 2]);
});

test('the refusal of an unknown model names the known ones; a digest is a name too', async () => {
  const { worker: lender } = await worker([FINISH]);
  const exchange = await answered(lender, { model: 'llama-405b' });
  assert.equal(exchange.code, 'MODEL_NOT_FOUND');
  assert.match(JSON.stringify(exchange.events[0]?.type === 'error' && exchange.events[0].error.message), /scripted/);
  assert.equal((await answered(lender, { model: `sha256:${'1'.repeat(64)}` })).code, 'finish');
});

test('a request that the model cannot answer is refused before it is queued, at every door, with the missing ability', async () => {
  const engine = new LimitedEngine(['hang']);
  const limits = { slots: 1, queue: 1, maxTokens: 100 };
  const lender = await Worker.create({ engine, limits, health: () => 100 });
  const door = lender.openQueue({ running: 1, waiting: 1, maxTokens: 100 });
  lender.queue.answer(new RecordedExchange());
  const tools = [{ name: 'add' }];
  for (const ask of [
    (exchange: Exchange) => lender.queue.answer(exchange),
    (exchange: Exchange) => door.answer(exchange),
  ]) {
    const exchange = new RecordedExchange({ tools, logprobs: 1 });
    ask(exchange);
    const [event, ...more] = exchange.events;
    assert.ok(event?.type === 'error' && more.length === 0);
    assert.equal(event.error.code, 'INVALID_REQUEST');
    assert.match(event.error.message, /"limited" cannot .*: tools, logprobs\. It can: messages, tokens/);
  }
  assert.deepEqual([lender.queue.outcomes.refused, door.outcomes.refused], [1, 1]);
  await lender.close(0);
});

test('token ids that cannot fit the context are refused before they are queued', async () => {
  const engine = new LimitedEngine([FINISH]);
  const lender = await Worker.create({ engine, limits: { slots: 1, queue: 1, maxTokens: 100 }, health: () => 100 });
  const input = { type: 'tokens', tokens: [1, 2, 3, 4] } as const;
  assert.equal((await answered(lender, { input })).code, 'finish');
  assert.equal((await answered(lender, { input, resume: { text: '', tokens: [5] } })).code, 'CONTEXT_EXCEEDED');
  assert.equal(engine.requests.length, 1);
});

test('tokens of tool calls are counted like tokens of text', async () => {
  const call: InferenceEvent = {
    type: 'tool_call',
    index: 0,
    id: 'a',
    name: 'add',
    arguments: '{}',
    tokens: [1, 2, 3],
  };
  const { worker: lender } = await worker([text, call, 'hang']);
  const exchange = new RecordedExchange();
  const { promise: over, resolve: onEnd } = Promise.withResolvers<RequestEnd>();
  const send = exchange.send.bind(exchange);
  exchange.send = (event) => {
    if (event.type === 'tool_call') exchange.abort();
    return send(event);
  };
  lender.queue.answer(exchange, { onEnd });
  const { outcome, tokens } = await over;
  assert.deepEqual([outcome, tokens], ['aborted', 4]);
});

test('an answer has no more tokens than the lender allows', async () => {
  const { worker: lender, engine } = await worker([FINISH], { maxTokens: 5 });
  await answered(lender);
  await answered(lender, { sampling: { maxTokens: 3 } });
  await answered(lender, { sampling: { maxTokens: 50 } });
  assert.deepEqual(
    engine.requests.map(({ sampling }) => sampling.maxTokens),
    [5, 3, 5],
  );
});

test('waiting requests are told when they move up, once per interval however much has changed', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { worker: lender } = await worker(['hang'], { queue: 4 });
  const asked = Array.from({ length: 5 }, () => new RecordedExchange());
  for (const exchange of asked) lender.queue.answer(exchange);
  const [, first, second, third, last] = asked;
  first?.abort();
  second?.abort();
  mock.timers.tick(POSITION_INTERVAL_MS);
  mock.timers.tick(POSITION_INTERVAL_MS);
  mock.timers.reset();
  const positions = [third, last].map((exchange) => exchange?.events);
  assert.deepEqual(positions, [
    [
      { type: 'queued', position: 3 },
      { type: 'queued', position: 1 },
    ],
    [
      { type: 'queued', position: 4 },
      { type: 'queued', position: 2 },
    ],
  ]);
  await lender.close(0);
});

test('a passed deadline ends the answer and the engine', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { worker: lender } = await worker(['hang']);
  const exchange = new RecordedExchange({ deadlineMs: 500 });
  lender.queue.answer(exchange);
  mock.timers.tick(500);
  await exchange.done.promise;
  mock.timers.reset();
  assert.equal(exchange.code, 'DEADLINE_EXCEEDED');
  await lender.close(0);
});

test('a reader that stops keeps its slot while nobody waits, and loses it to others', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { worker: lender } = await worker([text, FINISH]);
  const unread = new UnreadExchange();
  lender.queue.answer(unread);
  await unread.first.promise;
  mock.timers.tick(10 * WANTED_STALL_MS);
  assert.equal(unread.ended, false);
  const other = new RecordedExchange();
  lender.queue.answer(other);
  mock.timers.tick(WANTED_STALL_MS);
  await other.done.promise;
  mock.timers.reset();
  assert.deepEqual([unread.code, other.code], ['GENERATION_ABORTED', 'finish']);
  await assertRefused(lender, new UnreadExchange(), 'OVERLOADED');
});

async function assertRefused(lender: Worker, exchange: RecordedExchange, code: string): Promise<void> {
  lender.queue.answer(exchange);
  await exchange.done.promise;
  assert.equal(exchange.code, code);
}

test('a deadline that passes in the queue ends the wait', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { worker: lender, engine } = await worker(['hang']);
  lender.queue.answer(new RecordedExchange());
  const waiting = new RecordedExchange({ deadlineMs: 500 });
  lender.queue.answer(waiting);
  mock.timers.tick(500);
  mock.timers.reset();
  assert.equal(waiting.code, 'DEADLINE_EXCEEDED');
  assert.equal(lender.status().queued, 0);
  await lender.close(0);
  assert.equal(engine.requests.length, 1);
});

test('close refuses new requests, and ends requests that take too long with an error', async () => {
  const { worker: lender, engine } = await worker(['hang']);
  const running = new RecordedExchange();
  lender.queue.answer(running);
  const closing = lender.close(0);
  assert.equal((await answered(lender)).code, 'OVERLOADED');
  await closing;
  assert.equal(running.code, 'GENERATION_ABORTED');
  assert.ok(engine.isClosed);
});

test('close waits for running requests', async () => {
  const { worker: lender } = await worker([text, text, FINISH]);
  const running = new RecordedExchange();
  lender.queue.answer(running);
  await lender.close(60_000);
  assert.equal(running.code, 'finish');
});

test('the status names the models whose engine has failed, and has no health if they are all', async () => {
  const { worker: healthy, engine } = await worker([FINISH]);
  assert.deepEqual([healthy.status().health, 'unavailable' in healthy.status()], [100, false]);
  engine.failed = ['scripted'];
  assert.deepEqual([healthy.status().health, healthy.status().unavailable], [0, ['scripted']]);
});
