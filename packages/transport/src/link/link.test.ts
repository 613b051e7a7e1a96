import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mock, test } from 'node:test';
import { type InferenceEvent, ndjsonFramer } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { donateFramer, donateServerSession, UPLOAD_IDLE_MS, type UploadEvent } from '@shoal/protocol/donate';
import { MAX_REQUEST_BYTES, PeerSession, PROTOCOL, QUEUE_POSITIONS_MAX } from '@shoal/protocol/shoal';
import type { Connection } from '../connection.ts';
import { CONSUMER_STALL_MS, type Exchange } from './exchange.ts';
import { Link, type LinkHandlers } from './link.ts';
import { UNSENT_BYTES_MAX } from './outbox.ts';
import { memoryPair } from '../memory.ts';
import { traffic } from '../traffic.ts';

const request = { input: promptInput('Hi'), sampling: {}, stop: [] };
const finish: InferenceEvent = { type: 'finish', reason: 'stop', rawReason: 'eos' };

function session(): PeerSession {
  return new PeerSession({
    framer: ndjsonFramer(MAX_REQUEST_BYTES),
    hello: () => ({
      type: 'peer_hello',
      node_name: 'Node',
      clusters: [],
      supported_models: [],
      protocol: PROTOCOL,
      peer_id: '00'.repeat(32),
      version: '0',
      uptime_s: 0,
      roles: ['worker', 'client'],
      models: [],
    }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 1 }),
    idPrefix: 'me',
    helloOwed: false,
  });
}

/** Returns two connected peers after their hellos; `serve` answers the requests of the first. */
async function connectedPair(
  serve: (exchange: Exchange) => unknown,
): Promise<{ client: Link; server: Link; closed: Promise<void> }> {
  const [near, far] = memoryPair();
  const events = new EventTarget();
  const handlers: LinkHandlers = { peer: () => {}, request: (exchange) => void serve(exchange), close: () => {} };
  const server = new Link(far, session(), handlers);
  const closed = once(events, 'close').then(() => {});
  const client = new Link(near, session(), {
    peer: () => events.dispatchEvent(new Event('peer')),
    request: () => assert.fail('the worker sends no requests'),
    close: () => events.dispatchEvent(new Event('close')),
  });
  const greeted = once(events, 'peer');
  server.start();
  client.start();
  await greeted;
  return { client, server, closed };
}

test('an answer arrives event by event and ends with its terminal event', async () => {
  const { client } = await connectedPair(async (exchange) => {
    await exchange.send({ type: 'text', text: 'Hel', tokens: [1] });
    await exchange.send({ type: 'text', text: 'lo', tokens: [2] });
    await exchange.send(finish);
  });
  const events = await Array.fromAsync(client.ask(request));
  assert.deepEqual(
    events.map(({ type }) => type),
    ['text', 'text', 'finish'],
  );
  client.close();
});

test('the bytes of links are counted by transport', async () => {
  const text = 'x'.repeat(10_000);
  const before = structuredClone(traffic());
  const { client } = await connectedPair(async (exchange) => {
    await exchange.send({ type: 'text', text, tokens: [] });
    await exchange.send(finish);
  });
  await Array.fromAsync(client.ask(request));
  client.close();
  const { memory, tcp } = traffic();
  const [received, sent] = [memory.received - before.memory.received, memory.sent - before.memory.sent];
  assert.ok(received > text.length && sent >= received && sent < 2 * text.length, `${received} received, ${sent} sent`);
  assert.deepEqual(tcp, before.tcp);
});

test('a reader that leaves cancels its request', async () => {
  const aborted = Promise.withResolvers<ShoalError>();
  const { client } = await connectedPair((exchange) => {
    exchange.onAbort(aborted.resolve);
    void exchange.send({ type: 'text', text: 'Hello', tokens: [] });
  });
  for await (const event of client.ask(request)) if (event.type === 'text') break;
  assert.equal((await aborted.promise).code, 'GENERATION_ABORTED');
  client.close();
});

test('a connection that closes ends every open answer with WORKER_LOST', async () => {
  const { client, server, closed } = await connectedPair(() => server.close());
  const events = await Array.fromAsync(client.ask(request));
  const last = events.at(-1);
  assert.equal(last?.type === 'error' && last.error.code, 'WORKER_LOST');
  await closed;
});

test('a reader that stops reading stops the worker within its credit, and the answer is aborted after ten seconds', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let sentBytes = 0;
  const stopped = Promise.withResolvers<ShoalError>();
  const paused = Promise.withResolvers<void>();
  const { client } = await connectedPair(async (exchange) => {
    exchange.onAbort(stopped.resolve);
    const text = 'x'.repeat(1000);
    for (;;) {
      const sending = exchange.send({ type: 'text', text, tokens: [] });
      sentBytes += text.length;
      const isPaused = await Promise.race([sending.then(() => false), settled().then(() => true)]);
      if (!isPaused) continue;
      paused.resolve();
      if (!(await sending)) return;
    }
  });
  const answer = client.ask(request);
  await paused.promise;
  assert.ok(sentBytes <= 256 * 1024 + 2000, `${sentBytes} bytes were sent to a reader that does not read`);
  mock.timers.tick(CONSUMER_STALL_MS);
  assert.equal((await stopped.promise).code, 'GENERATION_ABORTED');
  mock.timers.reset();
  const events = await Array.fromAsync(answer);
  const last = events.at(-1);
  assert.equal(last?.type === 'error' && last.error.code, 'GENERATION_ABORTED');
  client.close();
});

test('an event that waits for room waits no longer than its answer', async () => {
  const { client } = await connectedPair(async (exchange) => {
    for (;;) {
      const sending = exchange.send({ type: 'text', text: 'x'.repeat(1000), tokens: [] });
      if (await Promise.race([sending.then(() => false), settled().then(() => true)])) {
        void exchange.send({ type: 'error', error: ShoalError.deadlineExceeded() });
        return waited.resolve(await sending);
      }
    }
  });
  const waited = Promise.withResolvers<boolean>();
  client.ask(request);
  assert.equal(await waited.promise, false);
  client.close();
});

/** Returns a client with an open answer, and a way to send it lines as a worker that was written without our code. */
function rawWorker(): { client: Link; lines: (...messages: object[]) => void; closed: Promise<Error | undefined> } {
  const [near, far] = memoryPair();
  const closed = Promise.withResolvers<Error | undefined>();
  const client = new Link(near, session(), { peer: () => {}, request: () => {}, close: closed.resolve });
  client.start();
  far.open({ data: () => {}, drain: () => {}, close: () => {} });
  const lines = (...messages: object[]): void => {
    far.send(Buffer.from(messages.map((message) => `${JSON.stringify(message)}\n`).join('')));
  };
  lines({ type: 'peer_hello', protocol: PROTOCOL, peer_id: '00' });
  return { client, lines, closed: closed.promise };
}

const position = (place: number): object => ({ type: 'inference_queued', request_id: 'me-1', position: place });

test('of queue positions that nobody reads only the latest waits', async () => {
  const { client, lines } = rawWorker();
  await settled();
  const answer = client.ask(request);
  lines(position(3), position(3), position(2), position(1));
  lines({ type: 'inference_end', request_id: 'me-1', finish_reason: 'stop' });
  await settled();
  const events = await Array.fromAsync(answer);
  assert.deepEqual(
    events.map((event) => (event.type === 'queued' ? event.position : event.type)),
    [1, 'finish'],
  );
  client.close();
});

test('a flood of 100,000 queue positions ends the connection, and little of it waits for the reader', async () => {
  const { client, lines, closed } = rawWorker();
  await settled();
  const answer = client.ask(request);
  const flood = Array.from({ length: 1_000 }, (_, index) => position(index));
  for (let sent = 0; sent < 100_000; sent += flood.length) lines(...flood);
  assert.match(String(await closed), /too many queue positions/);
  const events = await Array.fromAsync(answer);
  const last = events.at(-1);
  assert.ok(last?.type === 'error' && last.error.code === 'WORKER_LOST');
  assert.ok(events.length <= 2, `${events.length} events waited`);
});

test('as many queue positions as the limit allows end nothing', async () => {
  const { client, lines } = rawWorker();
  await settled();
  const answer = client.ask(request);
  lines(...Array.from({ length: QUEUE_POSITIONS_MAX }, (_, index) => position(QUEUE_POSITIONS_MAX - index)));
  lines({ type: 'inference_end', request_id: 'me-1', finish_reason: 'stop' });
  await settled();
  const events = await Array.fromAsync(answer);
  assert.deepEqual(events.at(-1)?.type, 'finish');
  client.close();
});

/** Resolves after everything pending in this process. */
async function settled(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a peer that causes replies and does not read them is disconnected before they fill the memory', async () => {
  const [near, far] = memoryPair();
  const full: Connection = {
    remote: far.remote,
    flow: far.flow,
    open: (handlers) => far.open(handlers),
    send: () => false,
    close: () => far.close(),
  };
  const closed = Promise.withResolvers<Error | undefined>();
  const server = new Link(full, session(), { peer: () => {}, request: () => {}, close: closed.resolve });
  server.start();
  near.open({ data: () => {}, drain: () => {}, close: () => {} });
  near.send(Buffer.from(`${JSON.stringify({ type: 'peer_hello', protocol: PROTOCOL, peer_id: '00' })}\n`));
  near.send(Buffer.from('{"type":"ping"}\n'.repeat(Math.ceil(UNSENT_BYTES_MAX / 256))));
  const error = await closed.promise;
  assert.equal(error instanceof ShoalError && error.code, 'OVERLOADED');
});

test('a wait for room that is over does not abort the answer later', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const [near, far] = memoryPair();
  let isFull = true;
  let drained = (): void => {};
  const slow: Connection = {
    remote: far.remote,
    flow: far.flow,
    open(handlers) {
      drained = () => handlers.drain();
      far.open(handlers);
    },
    send: (bytes) => (far.send(bytes), !isFull),
    close: () => far.close(),
  };
  const requested = Promise.withResolvers<Exchange>();
  const server = new Link(slow, session(), { peer: () => {}, request: requested.resolve, close: () => {} });
  server.start();
  near.open({ data: () => {}, drain: () => {}, close: () => {} });
  near.send(Buffer.from(`${JSON.stringify({ type: 'peer_hello', protocol: PROTOCOL, peer_id: '00' })}\n`));
  near.send(Buffer.from('{"type":"inference_request","request_id":"1","prompt":"?"}\n'));
  const exchange = await requested.promise;
  void exchange.send({ type: 'queued', position: 1 });
  const text = exchange.send({ type: 'text', text: 'a', tokens: [] });
  isFull = false;
  drained();
  assert.equal(await text, true);
  mock.timers.tick(CONSUMER_STALL_MS);
  assert.equal(exchange.ended, false);
  isFull = true;
  void exchange.send({ type: 'text', text: 'b', tokens: [] });
  drained();
  const finished = exchange.send(finish);
  await settled();
  assert.equal(exchange.ended, true);
  await finished;
  mock.timers.reset();
  server.close();
});

test('while a peer is held back, its upload does not time out, and neither does a frame that has begun', async (context) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const pass = (ms: number): void => {
    now += ms;
    mock.timers.tick(ms);
  };
  const [near, far] = memoryPair();
  const disk = Promise.withResolvers<void>();
  const steps: string[] = [];
  let isClosed = false;
  const queue = () => ({ depth: 0, capacity: 1, in_progress: false });
  const server = new Link(far, donateServerSession({ mode: 'model_push', queue }), {
    peer: () => {},
    request: () => {},
    extension: ({ step }: UploadEvent) => {
      steps.push(step.type);
      return disk.promise;
    },
    close: () => {
      isClosed = true;
    },
  });
  server.start();
  near.open({ data: () => {}, drain: () => {}, close: () => {} });
  const begin = { type: 'model_begin', config_json: '{"format":"gguf"}', weights_len: 8 };
  const frame = donateFramer().encode(Buffer.from(JSON.stringify(begin)));
  near.send(Buffer.concat([frame, frame.subarray(0, 10)]));
  await settled();
  pass(2 * UPLOAD_IDLE_MS);
  disk.resolve();
  await settled();
  pass(UPLOAD_IDLE_MS - 1);
  assert.deepEqual([steps, isClosed], [['begin'], false]);
  pass(1);
  assert.deepEqual([steps, isClosed], [['begin', 'drop'], true]);
  mock.timers.reset();
});

const PIECES = {
  text: () => ({ type: 'text', text: 'x'.repeat(1000), tokens: [] }),
  'tool calls': (index) => ({
    type: 'tool_call',
    index: 0,
    ...(index === 0 && { id: 'a', name: 'f' }),
    arguments: 'x'.repeat(1000),
    tokens: [],
  }),
  vectors: (index) => ({ type: 'embedding', index, vector: Array.from({ length: 256 }, () => 0.5) }),
} satisfies Readonly<Record<string, (index: number) => InferenceEvent>>;

for (const [name, piece] of Object.entries(PIECES)) {
  test(`the worker continues with ${name} when a reader reads again`, async () => {
    const total = 1_000;
    const { client } = await connectedPair(async (exchange) => {
      for (let index = 0; index < total; index += 1) if (!(await exchange.send(piece(index)))) return;
      await exchange.send(finish);
    });
    const texts = Array.from({ length: total }, () => 'a');
    const asked: InferenceRequest =
      name === 'vectors'
        ? { ...request, input: { type: 'embeddings', texts } }
        : { ...request, tools: [{ name: 'f' }] };
    const answer = client.ask(asked);
    await settled();
    const events = await Array.fromAsync(answer);
    assert.equal(events.length, total + 1);
    assert.deepEqual(events.at(-1)?.type, 'finish');
    client.close();
  });
}
