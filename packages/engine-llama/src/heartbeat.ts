import { Worker } from 'node:worker_threads';
import { NODE_COUNTER_INTS, NodeCounter } from './native/node-counter.ts';
import { CELLS } from './heartbeat-cells.ts';

const CELLS_COUNT = CELLS.nodes + NODE_COUNTER_INTS;

/** The interval at which the event loop shows that it runs, even while all requests wait for their consumers. */
const TURN_MS = 500;

/** Shows the parent that this process works: a thread of its own reports it even while the main thread decodes. */
export interface Heartbeat {
  /** Resolves when the thread runs, or cannot run. */
  readonly ready: Promise<unknown>;
  /** Counts the nodes of contexts. */
  readonly nodes: NodeCounter;
  /** True while requests run. */
  watch(hasRequests: boolean): void;
  /** Call after each step of work. */
  step(): void;
  /** Call when a card computes the model. */
  waitsForCard(): void;
}

/** Starts the thread. It does not keep the process alive. */
export function startHeartbeat(): Heartbeat {
  const { promise, resolve } = Promise.withResolvers<void>();
  const heartbeat = new HeartbeatCells(promise);
  const thread = new Worker(new URL(import.meta.resolve('@shoal/engine-llama/heartbeat-thread')), {
    workerData: heartbeat.cells,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
    execArgv: [],
  });
  thread.unref();
  thread.once('message', () => resolve());
  // The parent then gets no signs and waits longer. The thread has nothing that could be restored.
  thread.on('error', (error) => {
    console.error(`error: the thread that reports progress ended: ${error.message}`);
    resolve();
  });
  return heartbeat;
}

/** The memory that the thread reads. */
export class HeartbeatCells implements Heartbeat {
  readonly ready: Promise<unknown>;
  readonly cells = new Int32Array(new SharedArrayBuffer(CELLS_COUNT * Int32Array.BYTES_PER_ELEMENT));
  readonly nodes = new NodeCounter(this.cells.subarray(CELLS.nodes));
  #timer: NodeJS.Timeout | undefined;

  constructor(ready: Promise<unknown> = Promise.resolve()) {
    this.ready = ready;
  }

  watch(hasRequests: boolean): void {
    if (hasRequests === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = hasRequests ? setInterval(() => this.step(), TURN_MS) : undefined;
    Atomics.store(this.cells, CELLS.open, hasRequests ? 1 : 0);
    Atomics.notify(this.cells, CELLS.open);
  }

  step(): void {
    Atomics.add(this.cells, CELLS.steps, 1);
  }

  waitsForCard(): void {
    Atomics.store(this.cells, CELLS.waits, 1);
  }
}
