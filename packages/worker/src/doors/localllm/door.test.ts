import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { decodeServerId, MAX_CLIENTS } from '@shoal/protocol/localllm';
import type { Connection, Exchange } from '@shoal/transport';
import { createDht, type Dht, localDht, type LocalDht } from '@shoal/transport/dht';
import { createSwarm, type Swarm } from '@shoal/transport/hyperswarm';
import { FINISH, ScriptedEngine, type Step } from '../../../test/scripted-engine.ts';
import { skipTime } from '../../../test/skip-time.ts';
import { Worker } from '../../worker.ts';
import { type LocalLlmDoor, openLocalLlmDoor } from './door.ts';

const text: InferenceEvent = { type: 'text', text: '2 + 2 = 4', tokens: [4] };
const hangs: readonly Step[] = [text, 'hang'];

let network: LocalDht;
let dht: Dht;

before(async () => {
  network = await localDht(3);
  dht = createDht({ bootstrap: network.bootstrap });
});

after(async () => {
  await dht.close();
  await network.close();
});

suite('the LocalLLM door', { concurrency: true }, () => {
  test('greets a client and streams an answer', async () => {
    const { door, close } = await open([text, FINISH]);
    const client = new TestClient(door);
    assert.deepEqual(await client.next(), {
      type: 'server_info',
      payload: { host_name: 'Dan’s MacBook', model: 'scripted', status: 'ready' },
    });
    client.chat('a', 'What is 2+2?');
    assert.deepEqual(await client.next(), { type: 'chat_chunk', request_id: 'a', payload: { text: '2 + 2 = 4' } });
    assert.deepEqual(await client.next(), { type: 'chat_end', request_id: 'a', payload: { finish_reason: 'stop' } });
    assert.deepEqual(door.status(), { ...idle, answered: 1, connections: 1 });
    await close(client);
    assert.equal(door.state, 'stopped');
  });

  test('runs one answer at a time: other requests get MODEL_BUSY', async () => {
    const { door, close } = await open(hangs);
    const [first, second] = [new TestClient(door), new TestClient(door)];
    for (const client of [first, second]) await client.next('server_info');
    first.chat('a');
    await first.next('chat_chunk');
    assert.equal(door.state, 'busy');
    second.chat('b');
    assert.equal(codeOf(await second.next()), 'MODEL_BUSY');
    first.chat('c');
    assert.deepEqual([codeOf(await first.next())], ['MODEL_BUSY']);
    const late = new TestClient(door);
    assert.equal(payloadOf(await late.next())['status'], 'busy');
    await close(first, second, late);
  });

  test('is busy while the process of its model is started again', async () => {
    const { door, engine, close } = await open([FINISH]);
    engine.failed = ['scripted'];
    const client = new TestClient(door);
    assert.equal(payloadOf(await client.next())['status'], 'busy');
    await close(client);
  });

  test('is busy while the engine answers a request of another door', async () => {
    const { door, worker, close } = await open(hangs);
    const other = new OtherExchange();
    worker.queue.answer(other);
    const client = new TestClient(door);
    assert.equal(payloadOf(await client.next())['status'], 'busy');
    client.chat('a');
    assert.equal(codeOf(await client.next()), 'MODEL_BUSY');
    other.leave();
    await close(client);
  });

  test('an abort is answered, reaches the engine, and lets the same client ask again at once', async () => {
    const { door, engine, close } = await open(hangs);
    const client = new TestClient(door);
    await client.next('server_info');
    client.chat('a');
    await client.next('chat_chunk');
    client.send({ type: 'abort', request_id: 'a' }, { type: 'chat_start', request_id: 'b', payload: { prompt: 'Hi' } });
    assert.deepEqual(await client.next(), { type: 'chat_end', request_id: 'a', payload: { finish_reason: 'abort' } });
    assert.equal((await client.next('chat_chunk'))['request_id'], 'b');
    assert.equal(engine.requests.length, 2);
    await close(client);
  });

  test('a client that disconnects during its answer frees the engine', async () => {
    const { door, change, close } = await open(hangs);
    const [leaving, staying] = [new TestClient(door), new TestClient(door)];
    for (const client of [leaving, staying]) await client.next('server_info');
    leaving.chat('a');
    await leaving.next('chat_chunk');
    await leaving.close();
    while (door.state === 'busy' || door.clients > 1) await change();
    assert.equal(door.status().aborted, 1);
    staying.chat('b');
    await staying.next('chat_chunk');
    await close(staying);
  });

  test('logs the end of each request once, without its text', async () => {
    const log: string[] = [];
    const { door, change, close } = await open(hangs, (line) => log.push(line));
    const [client, other] = [new TestClient(door), new TestClient(door)];
    for (const one of [client, other]) await one.next('server_info');
    client.chat('a');
    await client.next('chat_chunk');
    other.chat('b');
    await other.next('error');
    client.send({ type: 'abort', request_id: 'a' });
    while (door.state === 'busy') await change();
    await close(client, other);
    const ends = log.flatMap((line) => /request 1: (.*) after \d+ ms$/.exec(line)?.[1] ?? []);
    assert.deepEqual(ends, ['refused, MODEL_BUSY (Host is processing another request)', 'aborted']);
    assert.ok(!log.some((line) => line.includes('2 + 2')));
  });

  test('a failure of the engine arrives with its code and text', async () => {
    const error = new ShoalError('OLLAMA_NOT_FOUND', 'No Ollama answers. Start it: ollama serve');
    const { door, close } = await open([{ type: 'error', error }]);
    const client = new TestClient(door);
    await client.next('server_info');
    client.chat('a');
    const { code, message } = error;
    assert.deepEqual(await client.next(), { type: 'error', request_id: 'a', payload: { code, message } });
    await close(client);
  });

  test('a sixth client gets CONNECT_FAILED and is disconnected; the others stay', async () => {
    const { door, change, close } = await open([FINISH]);
    const clients: TestClient[] = [];
    while (clients.length < MAX_CLIENTS) {
      const client = new TestClient(door);
      clients.push(client);
      await client.next('server_info');
    }
    const sixth = new TestClient(door);
    assert.deepEqual(await sixth.next(), {
      type: 'error',
      payload: { code: 'CONNECT_FAILED', message: 'Max clients reached' },
    });
    await sixth.closed;
    await sixth.close();
    assert.equal(door.clients, MAX_CLIENTS);
    await clients.pop()?.close();
    while (door.clients === MAX_CLIENTS) await change();
    const next = new TestClient(door);
    await next.next('server_info');
    await close(next, ...clients);
  });

  test('close disconnects the clients and keeps the DHT open', async () => {
    const { door, close } = await open(hangs);
    const client = new TestClient(door);
    await client.next('server_info');
    client.chat('a');
    await client.next('chat_chunk');
    await close();
    await client.closed;
    await client.close();
    assert.equal((await dht.reachable(5_000)).ok, true);
  });
});

// After the suite: its tests run at the same time, on the same clock.
test('an idle client of an address with more than its share gives way, but not one that has asked', async (context) => {
  const { door, close } = await open([text, FINISH]);
  const asked = new TestClient(door);
  await asked.next('server_info');
  const ask = async (client: TestClient): Promise<void> => {
    client.chat('a');
    await client.next('chat_chunk');
    await client.next('chat_end');
  };
  await ask(asked);
  const silent = Array.from({ length: MAX_CLIENTS - 1 }, () => new TestClient(door));
  for (const client of silent) await client.next('server_info');
  const early = new TestClient(door);
  assert.equal(codeOf(await early.next()), 'CONNECT_FAILED');
  skipTime(context, 5_000);
  const newcomer = new TestClient(door);
  await newcomer.next('server_info');
  await Promise.race(silent.map(({ closed }) => closed));
  for (const client of [newcomer, asked]) await ask(client);
  assert.equal(door.clients, MAX_CLIENTS);
  await close(asked, early, newcomer, ...silent);
});

const idle = { active: 0, queued: 0, answered: 0, failed: 0, aborted: 0, refused: 0 };

interface Opened {
  readonly door: LocalLlmDoor;
  readonly worker: Worker;
  readonly engine: ScriptedEngine;
  /** Resolves at the next change of clients or load. */
  readonly change: () => Promise<void>;
  readonly close: (...clients: TestClient[]) => Promise<void>;
}

/** Opens a host that is announced. */
async function open(script: readonly Step[], log?: (line: string) => void): Promise<Opened> {
  let changed = Promise.withResolvers<void>();
  const onChange = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const engine = new ScriptedEngine(script, 4);
  const limits = { slots: 4, queue: 4, maxTokens: 100 };
  const worker = await Worker.create({ engine, limits, health: () => 100, onChange });
  const topic = randomBytes(32);
  const name = 'Dan’s MacBook';
  const door = openLocalLlmDoor({ dht, worker, name, topic, maxTokens: 100, onChange, ...(log && { log }) });
  await door.announced();
  return {
    door,
    worker,
    engine,
    change: () => changed.promise,
    async close(...clients) {
      for (const client of clients) await client.close();
      await door.close();
      await worker.close(5_000);
    },
  };
}

type Message = { readonly [field: string]: unknown };

/** A client that sends and receives raw messages. */
class TestClient {
  readonly closed: Promise<void>;
  readonly #swarm: Swarm;
  readonly #close = Promise.withResolvers<void>();
  readonly #messages: Message[] = [];
  #connection: Connection | undefined;
  #arrived = Promise.withResolvers<void>();
  #rest = '';

  constructor(door: LocalLlmDoor) {
    this.closed = this.#close.promise;
    this.#swarm = createSwarm({ dht, maxConnections: 1, onConnection: (connection) => this.#connected(connection) });
    this.#swarm.join(decodeServerId(door.serverId), { server: false, client: true });
  }

  send(...messages: readonly object[]): void {
    const lines = messages.map((message) => `${JSON.stringify(message)}\n`).join('');
    this.#connection?.send(Buffer.from(lines));
  }

  chat(id: string, prompt = 'Hi'): void {
    this.send({ type: 'chat_start', request_id: id, payload: { prompt } });
  }

  /** Resolves with the next message. Fails if a type is given and the message has another. */
  async next(type?: string): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message === undefined) {
        await this.#arrived.promise;
        continue;
      }
      if (type !== undefined) assert.equal(message['type'], type, JSON.stringify(message));
      return message;
    }
  }

  close(): Promise<void> {
    return this.#swarm.close();
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    connection.open({
      data: (bytes) => this.#receive(Buffer.from(bytes).toString()),
      drain: () => undefined,
      close: () => this.#close.resolve(),
    });
  }

  #receive(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#messages.push(JSON.parse(line) as Message);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}

/** A request at another door of the same worker. */
class OtherExchange implements Exchange {
  readonly id = 1;
  readonly request = { input: { type: 'text', text: 'Hi' }, sampling: {}, stop: [] } as const;
  ended = false;
  #onAbort: (why: ShoalError) => void = () => undefined;

  send(): Promise<boolean> {
    return Promise.resolve(!this.ended);
  }

  onAbort(listener: (why: ShoalError) => void): void {
    this.#onAbort = listener;
  }

  leave(): void {
    this.ended = true;
    this.#onAbort(ShoalError.aborted('gone'));
  }
}

function payloadOf(message: Message): Message {
  return message['payload'] as Message;
}

function codeOf(message: Message): unknown {
  return payloadOf(message)['code'];
}
