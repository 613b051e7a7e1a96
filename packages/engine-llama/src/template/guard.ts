import { Worker } from 'node:worker_threads';

/** The words with which a thread's last line begins, before it ends the process. */
export const GUARD_MARK = 'The chat template ';

/** The places of the memory that both threads share: the limit of the running work (0: none runs), and its number. */
export const [LIMIT_MS, RUN] = [0, 1];

/**
 * Ends this process if native code takes too long or too much memory: a second thread watches, because the first one is in that
 * code and nothing interrupts it. Its reason is the last line on standard error.
 */
export class Guard {
  readonly #shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));

  /** `memoryBytes`: the most memory of the whole process. */
  constructor(memoryBytes: number) {
    const entry = new URL(import.meta.resolve('@shoal/engine-llama/template-guard'));
    const thread = new Worker(entry, {
      workerData: { shared: this.#shared, memoryBytes },
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    });
    thread.unref();
  }

  /** Runs work that may take `limitMs` milliseconds. */
  watch<Result>(limitMs: number, work: () => Result): Result {
    Atomics.add(this.#shared, RUN, 1);
    Atomics.store(this.#shared, LIMIT_MS, limitMs);
    Atomics.notify(this.#shared, LIMIT_MS);
    try {
      return work();
    } finally {
      Atomics.store(this.#shared, LIMIT_MS, 0);
    }
  }
}
