import type { BatchClient } from '@shoal/client/batch';

/** Measures how long a batch has been without a worker. */
export class WorkerAbsence {
  readonly #client: BatchClient;
  readonly #now: () => number;
  readonly #stopListening: () => void;
  #since: number;
  #isPresent = false;
  #wasPresent = false;

  constructor(client: BatchClient, now = (): number => performance.now()) {
    this.#client = client;
    this.#now = now;
    this.#since = now();
    this.#stopListening = client.onChange(() => this.#update());
    this.#update();
  }

  /** True if there was a worker at any time. */
  get wasPresent(): boolean {
    return this.#wasPresent;
  }

  /** Undefined while there is a worker. */
  get seconds(): number | undefined {
    return this.#isPresent ? undefined : (this.#now() - this.#since) / 1_000;
  }

  close(): void {
    this.#stopListening();
  }

  #update(): void {
    const isPresent = this.#client.peers().some(({ info }) => info.lends === true);
    if (this.#isPresent && !isPresent) this.#since = this.#now();
    this.#isPresent = isPresent;
    this.#wasPresent ||= isPresent;
  }
}
