import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { createEcho } from '@shoal/engine/echo';
import type { Engine } from '@shoal/engine';
import type { ClientSession, InferenceEvent } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { type QmeshClient, qmeshClientSession, qmeshTopic } from '@shoal/protocol/qmesh';
import { Link } from '@shoal/transport';
import { createDht, type Dht, type LocalDht, localDht } from '@shoal/transport/dht';
import { createSwarm } from '@shoal/transport/hyperswarm';
import { FINISH, ScriptedEngine } from '../../../test/scripted-engine.ts';
import { skipTime } from '../../../test/skip-time.ts';
import { Worker } from '../../worker.ts';
import { HEALTH_INTERVAL_MS, openQmeshDoor, type QmeshDoorOptions } from './door.ts';

const WORKER_ID = 'ab'.repeat(32);

let network: LocalDht;
let dht: Dht;
let names = 0;

before(async () => {
  network = await localDht();
  dht = createDht({ bootstrap: network.bootstrap });
});

after(async () => {
  await dht.close();
  await network.close();
});

test('a client receives the worker’s health at once, and its prompts are answered', async (t) => {
  const { client, door } = await meet(t, createEcho());
  assert.equal(client.worker?.workerId, WORKER_ID);
  assert.deepEqual(client.worker.health, {
    score: 88,
    state: 'healthy',
    cpu: 10,
    memory: 20,
    queueSize: 0,
    queueCapacity: 10,
    canAcceptRequests: true,
  });
  assert.deepEqual(textOf(await client.ask('What is 2+2?')), 'What is 2+2?');
  assert.deepEqual(door.status(), {
    active: 0,
    queued: 0,
    answered: 1,
    failed: 0,
    aborted: 0,
    refused: 0,
    connections: 1,
  });
});

test('the health is computed and sent every 5 s', async (t) => {
  const { client, machine, clock } = await meet(t, createEcho());
  assert.equal(clock.milliseconds, HEALTH_INTERVAL_MS);
  machine.cpu = 60;
  clock.fire();
  await client.until(() => client.worker?.health.cpu === 60);
  assert.equal(client.worker?.health.score, 68);
});

test('an overloaded worker refuses requests, and accepts them again after it has recovered', async (t) => {
  const { client, machine, clock, door } = await meet(t, createEcho());
  Object.assign(machine, { cpu: 100, memory: 100 });
  clock.fire();
  // 0 + 0 + 100 × 0.2 is exactly 20, which is still busy.
  await client.until(() => client.worker?.health.state === 'busy');
  assert.equal(textOf(await client.ask('at the edge')), 'at the edge');
  // The running request takes a place in the queue, so the score is below 20.
  const both = await Promise.all([client.ask('one'), client.ask('two')]);
  assert.deepEqual(both.map(codeOf), [undefined, 'OVERLOADED']);
  assert.equal(door.status().refused, 1);
  machine.cpu = 0;
  clock.fire();
  assert.equal(textOf(await client.ask('again')), 'again');
});

test('a full queue refuses requests and is reported at once, and again when it has room', async (t) => {
  const engine = new ScriptedEngine(['hang']);
  const { client, door, worker } = await meet(t, engine, { capacity: 2 });
  const [first, second] = [client.ask('first'), client.ask('second')];
  await client.until(() => client.worker?.health.canAcceptRequests === false);
  assert.deepEqual([client.worker?.health.queueSize, client.worker?.health.state], [2, 'healthy']);
  assert.equal(codeOf(await client.ask('third')), 'OVERLOADED');
  assert.deepEqual([door.status().active, door.status().queued], [1, 1]);
  await worker.close(0);
  assert.deepEqual([await first, await second].map(codeOf), ['GENERATION_FAILED', 'GENERATION_FAILED']);
  await client.until(() => client.worker?.health.canAcceptRequests === true);
  assert.equal(door.health().queueSize, 0);
});

test('the requests of a client that disconnects are aborted', async (t) => {
  const { client, door } = await meet(t, new ScriptedEngine(['hang']));
  void client.ask('first');
  void client.ask('second');
  await client.until(
    () => door.status().queued === 1,
    () => client.pull(),
  );
  client.leave();
  while (door.status().active + door.status().connections > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(door.status().aborted, 2);
});

test('a client is informed at once when another disconnects during its answer and the worker is free again', async (t) => {
  const { client, another } = await meet(t, new ScriptedEngine(['hang']), { capacity: 1 });
  const leaving = await another();
  void leaving.ask('first');
  await client.until(() => client.worker?.health.canAcceptRequests === false);
  leaving.leave();
  await client.until(() => client.worker?.health.canAcceptRequests === true);
});

test('an answer has at most the tokens that the lender allows, and the requested temperature, 0 included', async (t) => {
  const engine = new ScriptedEngine([{ type: 'text', text: '4', tokens: [1] }, FINISH]);
  const { client } = await meet(t, engine, { maxTokens: 50 });
  await client.ask('all by default');
  await client.ask('less', { maxTokens: 7, temperature: 0 });
  assert.deepEqual(
    engine.requests.map(({ sampling }) => sampling),
    [
      { maxTokens: 50, temperature: 0.7 },
      { maxTokens: 7, temperature: 0 },
    ],
  );
});

test('a failure of the engine is an error, without its cause', async (t) => {
  const { client } = await meet(t, new ScriptedEngine(['crash']));
  const [event] = await client.ask('Hello?');
  assert.ok(event?.type === 'error');
  assert.doesNotMatch(event.error.message, /secret/);
});

test('silent clients do not keep out one that asks, and one that has asked stays', async (t) => {
  const { client, another, door } = await meet(t, createEcho(), { maxClients: 3 });
  await client.ask('first');
  await another();
  await another();
  skipTime(t, 5_000);
  const newcomer = await another();
  assert.equal(textOf(await newcomer.ask('new')), 'new');
  assert.equal(textOf(await client.ask('again')), 'again');
  assert.equal(door.status().connections, 3);
});

interface Setting {
  readonly capacity?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly maxClients?: number | undefined;
}

/** Opens a worker with a door in a network of its own, and a client that has received its health. */
async function meet(t: TestContext, engine: Engine, { capacity, maxTokens = 100, maxClients }: Setting = {}) {
  const worker = await Worker.create({
    engine,
    limits: { slots: engine.abilities.slots, queue: 8, maxTokens: 1_000 },
    health: () => 100,
  });
  const machine = { cpu: 10, memory: 20 };
  const clock = new ManualTimer();
  const name = `qmesh-test-${(names += 1)}`;
  const door = await openQmeshDoor({
    dht,
    worker,
    workerId: WORKER_ID,
    network: name,
    maxTokens,
    use: { processor: () => machine.cpu, memory: () => machine.memory },
    every: (milliseconds, task) => clock.every(milliseconds, task),
    capacity,
    maxClients,
  });
  await door.announced();
  const clients: TestClient[] = [];
  const another = async (): Promise<TestClient> => {
    const client = new TestClient(name);
    clients.push(client);
    await client.until(() => client.worker !== undefined);
    return client;
  };
  t.after(async () => {
    for (const client of clients) await client.close();
    await worker.close(0);
    await door.close();
    assert.equal(clock.isStopped, true);
  });
  return { client: await another(), another, door, worker, machine, clock };
}

/** An interval timer that the test fires. */
class ManualTimer {
  milliseconds = 0;
  isStopped = false;
  #task = (): void => undefined;

  every: NonNullable<QmeshDoorOptions['every']> = (milliseconds, task) => {
    this.milliseconds = milliseconds;
    this.#task = task;
    return () => {
      this.isStopped = true;
    };
  };

  fire(): void {
    this.#task();
  }
}

class TestClient {
  readonly #swarm;
  #link: Link<ClientSession<QmeshClient>> | undefined;
  #waiting: (() => void)[] = [];

  constructor(name: string) {
    this.#swarm = createSwarm({
      dht,
      maxConnections: 4,
      onConnection: (connection) => {
        const session = qmeshClientSession({ idPrefix: '00000000', timestamp: () => 0 });
        this.#link = new Link(connection, session, {
          peer: () => this.#wake(),
          request: () => undefined,
          close: () => this.#wake(),
        });
        this.#link.start();
      },
    });
    this.#swarm.join(qmeshTopic(name), { server: false, client: true });
  }

  get worker() {
    return this.#link?.session.side.worker;
  }

  /** Waits for messages until the condition holds. `ask` makes the worker send one. */
  async until(condition: () => boolean, ask: () => void = () => undefined): Promise<void> {
    while (!condition()) {
      const changed = new Promise<void>((resolve) => this.#waiting.push(resolve));
      ask();
      await changed;
    }
  }

  pull(): void {
    this.#link?.apply(this.#link.session.side.requestStatus());
  }

  async ask(prompt: string, sampling = {}): Promise<InferenceEvent[]> {
    assert.ok(this.#link !== undefined);
    return Array.fromAsync(this.#link.ask({ input: promptInput(prompt), sampling, stop: [] }));
  }

  leave(): void {
    this.#link?.close();
  }

  close(): Promise<void> {
    return this.#swarm.close();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function textOf(events: readonly InferenceEvent[]): string | undefined {
  const [text, finish] = events;
  return text?.type === 'text' && finish?.type === 'finish' ? text.text : undefined;
}

function codeOf(events: readonly InferenceEvent[]): string | undefined {
  const last = events.at(-1);
  return last?.type === 'error' ? last.error.code : undefined;
}
