import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import HyperDHT from 'hyperdht';
import type { SecretStream } from 'hyperdht';
import type { Connection } from '../connection.ts';
import { connectionContract } from '../contracts/index.ts';
import { Recorder } from '../contracts/recorder.ts';
import { createDht, localDht } from './dht.ts';
import type { Dht, LocalDht } from './dht.ts';
import { createSwarm } from './hyperswarm.ts';
import type { Swarm, SwarmOptions } from './hyperswarm.ts';
import { MINIMUM_STAY_MS } from '../seats.ts';
import { StreamConnection } from '../stream-connection.ts';

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

const server = { server: true, client: false };
const client = { server: false, client: true };
const both = { server: true, client: true };

connectionContract('hyperswarm', async () => {
  const keyPair = HyperDHT.keyPair();
  let accept: (stream: SecretStream) => void = () => undefined;
  const accepted = new Promise<SecretStream>((resolve) => {
    accept = resolve;
  });
  const listener = dht.native.createServer((stream) => accept(stream));
  await listener.listen(keyPair);
  const dialled = dht.native.connect(keyPair.publicKey);
  const opened = new Promise<void>((resolve) => dialled.on('open', resolve));
  const served = await accepted;
  const b = new StreamConnection(served);
  await opened;
  return {
    a: new StreamConnection(dialled),
    b,
    vanish: () => served.destroy(),
    async close() {
      dialled.destroy();
      served.destroy();
      await listener.close();
    },
  };
});

// Concurrent, because a refused peer waits about 10 s before it tries again.
suite('a swarm', { concurrency: true }, () => {
  test('a client finds a server, each has the other’s key, and bytes go both ways', async () => {
    const topic = randomBytes(32);
    const worker = new Party();
    const asking = new Party();
    await worker.swarm.join(topic, server).announced();
    asking.swarm.join(topic, client);
    const [toWorker, fromClient] = [await asking.connection(worker), await worker.connection(asking)];
    assert.equal(toWorker.connection.remote.initiator, true);
    assert.equal(fromClient.connection.remote.initiator, false);
    assert.equal(toWorker.connection.flow, 'none');
    toWorker.connection.send(randomBytes(7));
    fromClient.connection.send(randomBytes(9));
    await Promise.all([fromClient.received(7), toWorker.received(9)]);
    await closeAll(worker, asking);
  });

  test('a peer is known by the topics whose lookups have found it, and one that only dialled us by none', async () => {
    const [topic, other] = [randomBytes(32), randomBytes(32)];
    const worker = new Party();
    const asking = new Party();
    await worker.swarm.join(topic, both).announced();
    asking.swarm.join(other, client);
    asking.swarm.join(topic, client);
    await asking.connection(worker);
    await worker.connection(asking);
    assert.deepEqual(
      [topic, other].map((one) => asking.swarm.hasFound(worker.swarm.publicKey, one)),
      [true, false],
    );
    assert.equal(worker.swarm.hasFound(asking.swarm.publicKey, topic), false);
    await closeAll(worker, asking);
  });

  test('a client that looked up first finds a worker that announces later', async () => {
    const topic = randomBytes(32);
    const asking = new Party();
    const clientTopic = asking.swarm.join(topic, client);
    await clientTopic.announced();
    const worker = new Party();
    worker.swarm.join(topic, server);
    await asking.connection(worker);
    await closeAll(worker, asking);
  });

  test('two swarms that are both client and server end with one connection', async () => {
    const topic = randomBytes(32);
    const [left, right] = [new Party(), new Party()];
    left.swarm.join(topic, both);
    right.swarm.join(topic, both);
    // Both may dial. One of the two connections is then closed on both sides.
    for (;;) {
      const [atLeft, atRight] = [await left.connection(right), await right.connection(left)];
      const isSame = atLeft.connection.remote.initiator !== atRight.connection.remote.initiator;
      if (isSame && left.openCount === 1 && right.openCount === 1) break;
      await Promise.race([left.change(), right.change()]);
    }
    (await left.connection(right)).connection.send(randomBytes(5));
    await (await right.connection(left)).received(5);
    await closeAll(left, right);
  });

  test('six swarms on one topic all find each other', async () => {
    const topic = randomBytes(32);
    const parties = Array.from({ length: 6 }, () => new Party());
    for (const party of parties) party.swarm.join(topic, both);
    for (const party of parties) {
      for (const other of parties) if (other !== party) await party.connection(other);
    }
    await closeAll(...parties);
  });

  test('a connection beyond the limit is refused until another has closed', async () => {
    const topic = randomBytes(32);
    const worker = new Party({ maxConnections: 1 });
    const [first, second] = [new Party(), new Party()];
    await worker.swarm.join(topic, server).announced();
    first.swarm.join(topic, client);
    await worker.connection(first);
    second.swarm.join(topic, client);
    await worker.attemptOf(second);
    assert.deepEqual([...worker.open.keys()], [first.swarm.publicKey]);
    await first.swarm.close();
    await worker.connection(second);
    await closeAll(worker, second);
  });

  test('an idle connection gives way to a newcomer, which waits for the end of its minimum stay', async () => {
    const topic = randomBytes(32);
    const worker = new Party({ maxConnections: 1, areIdle: true });
    const [idle, newcomer] = [new Party(), new Party()];
    await worker.swarm.join(topic, server).announced();
    idle.swarm.join(topic, client);
    const closing = await worker.connection(idle);
    const connectedAt = performance.now();
    newcomer.swarm.join(topic, client);
    await worker.connection(newcomer);
    const waitedMs = performance.now() - connectedAt;
    assert.ok(waitedMs > MINIMUM_STAY_MS - 100 && waitedMs < 8_000, `${waitedMs} ms`);
    await closing.closed();
    await closeAll(worker, idle, newcomer);
  });

  test('a key that is not allowed is refused until it is allowed', async () => {
    const topic = randomBytes(32);
    let isOpen = false;
    const worker = new Party({ allow: () => isOpen });
    const asking = new Party();
    await worker.swarm.join(topic, server).announced();
    asking.swarm.join(topic, client);
    await worker.attemptOf(asking);
    assert.equal(worker.open.size, 0);
    isOpen = true;
    await worker.connection(asking);
    await closeAll(worker, asking);
  });

  test('a key that is not allowed is not dialled until it is allowed', async () => {
    const topic = randomBytes(32);
    let isOpen = false;
    const worker = new Party();
    const asking = new Party({ allow: () => isOpen });
    await worker.swarm.join(topic, server).announced();
    const membership = asking.swarm.join(topic, client);
    await membership.announced();
    assert.equal(worker.open.size, 0);
    isOpen = true;
    membership.refresh();
    await asking.connection(worker);
    await closeAll(worker, asking);
  });

  test('closing a swarm closes its connections and not the shared DHT', async () => {
    const topic = randomBytes(32);
    const [leaving, staying, worker] = [new Party(), new Party(), new Party()];
    await worker.swarm.join(topic, server).announced();
    leaving.swarm.join(topic, client);
    const recorder = await worker.connection(leaving);
    await leaving.swarm.close();
    await recorder.closed();
    assert.throws(() => leaving.swarm.join(topic, client), { code: 'INVALID_REQUEST' });
    staying.swarm.join(topic, client);
    await staying.connection(worker);
    await closeAll(staying, worker);
  });

  test('a worker that leaves its topic is not found until it joins again', async () => {
    const topic = randomBytes(32);
    const worker = new Party();
    const membership = worker.swarm.join(topic, server);
    await membership.announced();
    await membership.leave();
    await membership.leave();
    const asking = new Party();
    const clientTopic = asking.swarm.join(topic, client);
    await clientTopic.announced();
    assert.equal(asking.open.size, 0);
    await worker.swarm.join(topic, server).announced();
    clientTopic.refresh();
    await asking.connection(worker);
    await closeAll(worker, asking);
  });

  test('a topic of another length is refused', async () => {
    const party = new Party();
    assert.throws(() => party.swarm.join(randomBytes(31), client), { code: 'INVALID_REQUEST' });
    await party.swarm.close();
  });
});

/** A swarm with its open connections by key. A test can wait for one. */
class Party {
  readonly swarm: Swarm;
  readonly open = new Map<string, Recorder>();
  openCount = 0;
  readonly #attempts = new Set<string>();
  #waiting: (() => void)[] = [];

  /** `areIdle`: the connections may be closed for newcomers. */
  constructor({ areIdle = false, ...options }: Partial<SwarmOptions> & { readonly areIdle?: boolean } = {}) {
    this.swarm = createSwarm({
      dht,
      maxConnections: 16,
      ...options,
      allow: (key) => {
        this.#attempts.add(key);
        this.#changed();
        return options.allow?.(key) ?? true;
      },
      onConnection: (connection, seat) => {
        if (!areIdle) seat.keep();
        this.#add(connection);
      },
    });
  }

  async connection(other: Party): Promise<Recorder> {
    for (;;) {
      const recorder = this.open.get(other.swarm.publicKey);
      if (recorder !== undefined) return recorder;
      await this.change();
    }
  }

  /** Resolves once the other has tried to connect: `allow` was called with its key. */
  async attemptOf(other: Party): Promise<void> {
    while (!this.#attempts.has(other.swarm.publicKey)) await this.change();
  }

  #add(connection: Connection): void {
    const key = connection.remote.key ?? '';
    const recorder = new Recorder(connection);
    this.open.set(key, recorder);
    this.openCount += 1;
    void recorder.closed().then(() => {
      this.openCount -= 1;
      if (this.open.get(key) === recorder) this.open.delete(key);
      this.#changed();
    });
    this.#changed();
  }

  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

async function closeAll(...parties: Party[]): Promise<void> {
  await Promise.all(parties.map((party) => party.swarm.close()));
}
