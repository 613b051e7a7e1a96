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

// At once, because a refused peer waits for some 10 s before it tries again.
suite('a swarm', { concurrency: true }, () => {
  test('a client finds a server, both know the other by its key, and bytes go both ways', async () => {
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

  test('a client that looked first finds the worker that announces later', async () => {
    const topic = randomBytes(32);
    const asking = new Party();
    const looking = asking.swarm.join(topic, client);
    await looking.announced();
    const worker = new Party();
    worker.swarm.join(topic, server);
    await asking.connection(worker);
    await closeAll(worker, asking);
  });

  test('two that both look and serve end with one connection', async () => {
    const topic = randomBytes(32);
    const [left, right] = [new Party(), new Party()];
    left.swarm.join(topic, both);
    right.swarm.join(topic, both);
    // Both may dial; the connection that lost is closed on either side, and one remains that has an end on each.
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

  test('a connection beyond the cap is refused, and one that left makes room', async () => {
    const topic = randomBytes(32);
    const worker = new Party({ maxConnections: 1 });
    const [first, second] = [new Party(), new Party()];
    await worker.swarm.join(topic, server).announced();
    first.swarm.join(topic, client);
    await worker.connection(first);
    second.swarm.join(topic, client);
    await worker.knock(second);
    assert.deepEqual([...worker.open.keys()], [first.swarm.publicKey]);
    await first.swarm.close();
    await worker.connection(second);
    await closeAll(worker, second);
  });

  test('a key that is not allowed is refused, and comes in once it is', async () => {
    const topic = randomBytes(32);
    let isOpen = false;
    const worker = new Party({ allow: () => isOpen });
    const asking = new Party();
    await worker.swarm.join(topic, server).announced();
    asking.swarm.join(topic, client);
    await worker.knock(asking);
    assert.equal(worker.open.size, 0);
    isOpen = true;
    await worker.connection(asking);
    await closeAll(worker, asking);
  });

  test('a key that is not allowed is not dialled either, until it is', async () => {
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

  test('closing a swarm closes its connections and leaves the DHT to the others', async () => {
    const topic = randomBytes(32);
    const [leaving, staying, worker] = [new Party(), new Party(), new Party()];
    await worker.swarm.join(topic, server).announced();
    leaving.swarm.join(topic, client);
    const said = await worker.connection(leaving);
    await leaving.swarm.close();
    await said.closed();
    assert.throws(() => leaving.swarm.join(topic, client), { code: 'INVALID_REQUEST' });
    staying.swarm.join(topic, client);
    await staying.connection(worker);
    await closeAll(staying, worker);
  });

  test('a worker that left its topic is not found, and found again after it came back', async () => {
    const topic = randomBytes(32);
    const worker = new Party();
    const membership = worker.swarm.join(topic, server);
    await membership.announced();
    await membership.leave();
    await membership.leave();
    const asking = new Party();
    const looking = asking.swarm.join(topic, client);
    await looking.announced();
    assert.equal(asking.open.size, 0);
    await worker.swarm.join(topic, server).announced();
    looking.refresh();
    await asking.connection(worker);
    await closeAll(worker, asking);
  });

  test('a topic of another length is refused', async () => {
    const party = new Party();
    assert.throws(() => party.swarm.join(randomBytes(31), client), { code: 'INVALID_REQUEST' });
    await party.swarm.close();
  });
});

/** A swarm that keeps its open connections by key, and lets a test wait for one. */
class Party {
  readonly swarm: Swarm;
  readonly open = new Map<string, Recorder>();
  openCount = 0;
  readonly #asked = new Set<string>();
  #waiting: (() => void)[] = [];

  constructor(options: Partial<SwarmOptions> = {}) {
    this.swarm = createSwarm({
      dht,
      maxConnections: 16,
      ...options,
      allow: (key) => {
        this.#asked.add(key);
        this.#changed();
        return options.allow?.(key) ?? true;
      },
      onConnection: (connection) => this.#keep(connection),
    });
  }

  async connection(other: Party): Promise<Recorder> {
    for (;;) {
      const recorder = this.open.get(other.swarm.publicKey);
      if (recorder !== undefined) return recorder;
      await this.change();
    }
  }

  /** The other knocked: whether it may come in was asked. */
  async knock(other: Party): Promise<void> {
    while (!this.#asked.has(other.swarm.publicKey)) await this.change();
  }

  #keep(connection: Connection): void {
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
