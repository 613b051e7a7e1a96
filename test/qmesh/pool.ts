import { createEcho } from '@shoal/engine/echo';
import { createDht, localDht } from '@shoal/transport/dht';
import { Worker } from '@shoal/worker';
import { openQmeshDoor, type QmeshDoor } from '@shoal/worker/qmesh';

/** Doors that announce themselves at the same time. With more, one DHT node loses packets in its own burst. */
const OPENED_AT_ONCE = 5;

export interface PoolOptions {
  readonly workers: number;
  /** Number of nodes of their DHT. */
  readonly dhtNodes: number;
  /** Speed of each echo engine. */
  readonly wordsPerSecond: number;
}

/** Many light QMesh workers in this process, all announced. */
export class Pool {
  readonly bootstrap: readonly string[];
  readonly doors: readonly QmeshDoor[];
  readonly #workers: readonly Worker[];
  readonly #closeDht: () => Promise<void>;

  static async open({ workers: count, dhtNodes, wordsPerSecond }: PoolOptions): Promise<Pool> {
    const local = await localDht(dhtNodes);
    const dht = createDht({ bootstrap: local.bootstrap });
    const doors: QmeshDoor[] = [];
    const workers: Worker[] = [];
    await inBatches(
      Array.from({ length: count }, (_, index) => index),
      async (index) => {
        const engine = createEcho({ slots: 1, tokensPerSecond: wordsPerSecond });
        const limits = { slots: 1, queue: 0, maxTokens: 1_000 };
        const worker = await Worker.create({ engine, limits, health: () => 100 });
        // All are on one machine and have the same load; only their queues differ.
        const use = { processor: () => 10, memory: () => 20 };
        const workerId = index.toString(16).padStart(64, '0');
        const door = await openQmeshDoor({ dht, worker, workerId, maxTokens: 1_000, use });
        doors.push(door);
        workers.push(worker);
        await door.announced();
      },
    );
    return new Pool(local.bootstrap, doors, workers, async () => {
      await dht.close();
      await local.close();
    });
  }

  private constructor(
    bootstrap: readonly string[],
    doors: readonly QmeshDoor[],
    workers: readonly Worker[],
    closeDht: () => Promise<void>,
  ) {
    this.bootstrap = bootstrap;
    this.doors = doors;
    this.#workers = workers;
    this.#closeDht = closeDht;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(0)));
    await inBatches(this.doors, (door) => door.close());
    await this.#closeDht();
  }
}

async function inBatches<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += OPENED_AT_ONCE) {
    await Promise.all(items.slice(from, from + OPENED_AT_ONCE).map(act));
  }
}
