import { type InferenceRequest, promptInput, ShoalError } from '@shoal/protocol';
import {
  ANSWER_TIMEOUT_MS,
  type HealthReport,
  type InferenceResult,
  isQmeshFinish,
  qmeshTopic,
} from '@shoal/protocol/qmesh';
import { monotonicNow } from '@shoal/transport';
import { createDht, type Dht } from '@shoal/transport/dht';
import { Cancellation, type CancelSignal } from '../../cancel.ts';
import { nobodyOn } from '../nobody-on.ts';
import { type QmeshContact, QmeshContacts } from './contacts.ts';
import { rankQmeshWorkers } from './select.ts';

/** How long a first worker is looked for. */
export const QMESH_DISCOVERY_WAIT_MS = 15_000;
/** So long after joining, or after the newest worker was met, the others that are there are known too. */
export const QMESH_SETTLING_MS = 1_000;

export interface QmeshOptions {
  /** The DHT of the process, which lives on; absent: one of its own, entered at `bootstrap`. */
  readonly dht?: Dht | undefined;
  /** `host:port` of DHT nodes to begin at; absent: the public ones. */
  readonly bootstrap?: readonly string[] | undefined;
  /** The network's name; absent: the one that QMesh's programs meet in. */
  readonly network?: string | undefined;
  /** How long a first worker is looked for, in milliseconds; absent: `QMESH_DISCOVERY_WAIT_MS`. */
  readonly searchMs?: number | undefined;
  /** What the swarm does, a line each. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface QmeshWorker {
  /** As it says itself: 64 hex digits, or 32. */
  readonly id: string;
  /** Public key in hex; proven by the transport. */
  readonly key: string;
  readonly health: HealthReport;
}

export interface QmeshAskOptions {
  readonly maxTokens?: number | undefined;
  /** 0 takes the likeliest token each time. */
  readonly temperature?: number | undefined;
  /** How long each worker is waited for; absent: 60,000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  /** Called with the worker that is asked, and again with another where that one failed. */
  readonly onSelected?: ((worker: QmeshWorker) => void) | undefined;
}

export interface QmeshAnswer extends InferenceResult {
  readonly worker: QmeshWorker;
}

/** Joins a QMesh network as a client. Returns at once: workers are found meanwhile, and `ask` waits for them. */
export async function connectQmesh(options: QmeshOptions = {}): Promise<Qmesh> {
  const { bootstrap, network, searchMs = QMESH_DISCOVERY_WAIT_MS, log } = options;
  const dht = options.dht ?? createDht(bootstrap === undefined ? {} : { bootstrap });
  const contacts = new QmeshContacts({ dht, topic: qmeshTopic(network), log });
  return new Qmesh(contacts, { dht, ownsDht: options.dht === undefined, searchMs });
}

/** Where a client looks for workers, and how long. */
interface QmeshSearch {
  readonly dht: Dht;
  /** Whether it ends with the client. */
  readonly ownsDht: boolean;
  readonly searchMs: number;
}

/** A client of QMesh workers: it asks, and lends nothing. */
export class Qmesh {
  readonly #contacts: QmeshContacts;
  readonly #search: QmeshSearch;

  constructor(contacts: QmeshContacts, search: QmeshSearch) {
    this.#contacts = contacts;
    this.#search = search;
  }

  /** Those that have told their health. */
  workers(): readonly QmeshWorker[] {
    return this.#contacts.known().map(({ worker }) => worker);
  }

  /** Called at every change of workers or of their health. Returns the way to stop listening. */
  onChange(listener: () => void): () => void {
    return this.#contacts.onChange(listener);
  }

  /**
   * Waits for a first worker, and then for as long as new ones appear. Rejects with `HOST_OFFLINE` where there is none in
   * time.
   */
  async discover(signal?: CancelSignal): Promise<readonly QmeshWorker[]> {
    return cancellable(signal, async (cancellation) => {
      const giveUpAt = monotonicNow() + this.#search.searchMs;
      while (this.#contacts.known().length === 0) {
        this.#checkGoesOn(cancellation);
        if (monotonicNow() >= giveUpAt) throw await this.#nobody(cancellation);
        await this.#contacts.change(giveUpAt, cancellation);
      }
      while (monotonicNow() < this.#settledAt) {
        this.#checkGoesOn(cancellation);
        await this.#contacts.change(this.#settledAt, cancellation);
      }
      return this.workers();
    });
  }

  /**
   * Asks the healthiest worker, and the next where that one refuses, fails or is lost: an answer comes whole, so nothing is
   * said twice. Rejects with the last worker's `ShoalError`, with `HOST_OFFLINE` where there is none.
   */
  ask(prompt: string, options: QmeshAskOptions = {}): Promise<QmeshAnswer> {
    return cancellable(options.signal, (cancellation) => this.#ask(prompt, options, cancellation));
  }

  async close(): Promise<void> {
    await this.#contacts.close();
    if (this.#search.ownsDht) await this.#search.dht.close();
  }

  async #ask(prompt: string, options: QmeshAskOptions, cancellation: Cancellation): Promise<QmeshAnswer> {
    const request = toRequest(prompt, options);
    const startedAt = monotonicNow();
    const tried = new Set<string>();
    let failure: ShoalError | undefined;
    for (;;) {
      this.#checkGoesOn(cancellation);
      // Chosen and asked in one step: of many requests at once, each must know of those before it.
      const contact = this.#best(tried);
      if (contact !== undefined) {
        tried.add(contact.worker.key);
        options.onSelected?.(contact.worker);
        try {
          return await askOne(contact, request, cancellation);
        } catch (thrown) {
          failure = ShoalError.from(thrown);
          if (failure.code === 'INVALID_REQUEST') throw failure;
          if (failure.code === 'WORKER_LOST') contact.leave();
        }
        continue;
      }
      // For a first worker, and where that one failed for those that are just being met.
      const giveUpAt = failure === undefined ? startedAt + this.#search.searchMs : this.#settledAt;
      if (monotonicNow() >= giveUpAt) throw failure ?? (await this.#nobody(cancellation));
      await this.#contacts.change(giveUpAt, cancellation);
    }
  }

  #checkGoesOn({ isCancelled }: Cancellation): void {
    if (isCancelled) throw ShoalError.aborted('The request was taken back.');
    if (this.#contacts.isClosed) throw ShoalError.aborted('This client is closed.');
  }

  async #nobody(cancellation: Cancellation): Promise<ShoalError> {
    const cancelled = Promise.withResolvers<void>();
    const stopListening = cancellation.onCancel(() => cancelled.resolve());
    const error = nobodyOn(this.#search.dht, 'No worker was found. Start one: shoal qmesh worker');
    await Promise.race([error, cancelled.promise]);
    stopListening();
    this.#checkGoesOn(cancellation);
    return error;
  }

  #best(tried: ReadonlySet<string>): QmeshContact | undefined {
    const untried = this.#contacts.known().filter(({ worker }) => !tried.has(worker.key));
    return rankQmeshWorkers(untried, Math.random)[0];
  }

  get #settledAt(): number {
    return this.#contacts.lastMetAt + QMESH_SETTLING_MS;
  }
}

/** Rejects with the `ShoalError` of an answer that failed. */
async function askOne(
  contact: QmeshContact,
  request: InferenceRequest,
  cancellation: Cancellation,
): Promise<QmeshAnswer> {
  const { worker } = contact;
  const answer = contact.ask(request);
  const stopListening = cancellation.onCancel(() => answer.abort());
  try {
    for await (const event of answer) {
      if (event.type === 'error') throw event.error;
      if (isQmeshFinish(event)) return { ...event.result, worker };
    }
    throw ShoalError.aborted('The request was taken back.');
  } finally {
    stopListening();
    contact.ended(answer);
  }
}

function toRequest(prompt: string, { maxTokens, temperature, timeoutMs }: QmeshAskOptions): InferenceRequest {
  if (prompt === '') throw ShoalError.invalidRequest('There is no prompt.');
  return {
    input: promptInput(prompt),
    sampling: { maxTokens, temperature },
    stop: [],
    deadlineMs: timeoutMs ?? ANSWER_TIMEOUT_MS,
  };
}

async function cancellable<Value>(
  signal: CancelSignal | undefined,
  run: (cancellation: Cancellation) => Promise<Value>,
): Promise<Value> {
  const cancellation = new Cancellation();
  const cancel = (): void => cancellation.cancel();
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel);
  try {
    return await run(cancellation);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
