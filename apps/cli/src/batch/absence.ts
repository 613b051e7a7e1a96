import type { BatchClient } from '@shoal/client/batch';

/** For how long there has been no worker: what a batch waits for then. */
export class Absence {
  readonly #client: BatchClient;
  readonly #now: () => number;
  readonly #stopListening: () => void;
  #since: number;
  #isThere = false;
  #wasThere = false;

  constructor(client: BatchClient, now = (): number => performance.now()) {
    this.#client = client;
    this.#now = now;
    this.#since = now();
    this.#stopListening = client.onChange(() => this.#look());
    this.#look();
  }

  /** Whether there ever was one. */
  get wasThere(): boolean {
    return this.#wasThere;
  }

  /** Undefined while there is a worker. */
  get seconds(): number | undefined {
    return this.#isThere ? undefined : (this.#now() - this.#since) / 1_000;
  }

  end(): void {
    this.#stopListening();
  }

  #look(): void {
    const isThere = this.#client.peers().some(({ info }) => info.lends === true);
    if (this.#isThere && !isThere) this.#since = this.#now();
    this.#isThere = isThere;
    this.#wasThere ||= isThere;
  }
}
