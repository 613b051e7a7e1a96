/** The most times that one worker is asked for one request, each time over another connection. */
const ASKED_MAX = 3;

/** The parts of a worker that tell it apart. */
interface Worker {
  readonly key: string;
  readonly link: object;
}

/**
 * The workers that were asked for one request. A worker that failed is not asked again over the same connection. One that was
 * lost and came back, for example after a restart, is.
 */
export class AskedWorkers {
  readonly #links = new Set<object>();
  readonly #timesByKey = new Map<string, number>();
  #count = 0;

  /** The number of times that workers were asked. */
  get count(): number {
    return this.#count;
  }

  mayAsk({ key, link }: Worker): boolean {
    return !this.#links.has(link) && (this.#timesByKey.get(key) ?? 0) < ASKED_MAX;
  }

  add(worker: Worker): void {
    this.#count += 1;
    this.exclude(worker);
    this.#timesByKey.set(worker.key, (this.#timesByKey.get(worker.key) ?? 0) + 1);
  }

  /** Leaves out a worker without asking it. */
  exclude({ link }: Worker): void {
    this.#links.add(link);
  }
}
