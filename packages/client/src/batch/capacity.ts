import type { PeerInfo } from '@shoal/protocol';
import type { ErrorCode, ShoalError } from '@shoal/protocol/error';
import { isUnavailable, matchModel, slotsOf } from '../select.ts';

/** Requests of a batch that run at once, however many slots the workers report. */
const MAX_IN_FLIGHT = 1_024;

/** Names and digests of models that were seen. The oldest are removed first. */
const MAX_REMEMBERED_MODELS = 1_024;

/** All workers are busy. This is never a failure of the line. */
const FULL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['QUEUE_FULL', 'OVERLOADED', 'MODEL_BUSY']);
/** The connection to the worker failed. */
const LOST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONNECT_FAILED',
  'HOST_DISCONNECTED',
  'TIMEOUT_NO_RESPONSE',
  'WORKER_LOST',
]);
/** The worker failed; a retry may succeed. */
const FAILED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['GENERATION_FAILED', 'GENERATION_ABORTED', 'INTERNAL']);

/**
 * `wait`: no suitable worker is available, which may change. `retry`: a retry may succeed. `final`: a retry cannot succeed.
 * `no worker`: there was no worker for too long.
 */
export type Verdict = 'wait' | 'retry' | 'final' | 'no worker';

/** The part of `Peer` that is used here. */
export interface Lender {
  readonly info: PeerInfo;
  readonly othersLoad?: number | undefined;
}

export interface CapacityOptions {
  readonly peers: () => readonly Lender[];
  readonly concurrency: number;
  /** Milliseconds without a worker, or without one with the model, until that is final. */
  readonly workerTimeoutMs: number;
  /** The monotonic clock, milliseconds. */
  readonly now: () => number;
}

/** The capacity of all workers, and the time when each model was last available. */
export class BatchCapacity {
  readonly #options: CapacityOptions;
  readonly #startedAt: number;
  #lendersSeenAt: number;
  readonly #modelsSeenAt = new Map<string, number>();
  #lenders: readonly Lender[] = [];

  constructor(options: CapacityOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#lendersSeenAt = this.#startedAt;
    this.update();
  }

  get workerTimeoutMs(): number {
    return this.#options.workerTimeoutMs;
  }

  /** Must be called at every change of peers. */
  update(): void {
    // Workers that left since the last update were available until now.
    this.#remember();
    this.#lenders = this.#options.peers().filter(({ info }) => info.lends === true);
    this.#remember();
  }

  /**
   * The number of requests for a model (default: any) that may be open: the slots of the workers without their load for
   * others. At least 1: a request also searches for workers, and waits in a queue if all are busy.
   */
  limit(model?: string): number {
    const able = this.#lenders.filter(({ info }) => {
      const lent = matchModel(info.models, model);
      return lent !== undefined && !isUnavailable(info, lent);
    });
    const slots = able.reduce((sum, { info, othersLoad = 0 }) => sum + Math.max(0, slotsOf(info) - othersLoad), 0);
    return Math.max(1, Math.min(slots, this.#options.concurrency, MAX_IN_FLIGHT));
  }

  /** Decides what follows when a line ended with this error. */
  verdict({ code }: ShoalError, model: string | undefined): Verdict {
    this.update();
    if (FULL.has(code)) return 'wait';
    if (code === 'MODEL_NOT_FOUND') {
      if (this.#lenders.some(({ info }) => matchModel(info.models, model) !== undefined)) return 'retry';
      return this.#isRecent(this.#modelSeenAt(model)) ? 'wait' : 'final';
    }
    // The dialled peers refuse this client, and will do so again.
    if (code === 'UNAUTHORIZED' && this.#lenders.length === 0) return 'no worker';
    if (code === 'HOST_OFFLINE' || (LOST.has(code) && this.#lenders.length === 0)) {
      return this.#isRecent(this.#lendersSeenAt) ? 'wait' : 'no worker';
    }
    return LOST.has(code) || FAILED.has(code) ? 'retry' : 'final';
  }

  #remember(): void {
    if (this.#lenders.length === 0) return;
    const now = this.#options.now();
    this.#lendersSeenAt = now;
    for (const { id, digest } of this.#lenders.flatMap(({ info }) => info.models)) {
      for (const name of digest === undefined ? [id] : [id, digest]) this.#rememberModel(name, now);
    }
  }

  #rememberModel(name: string, now: number): void {
    // A key that is set again moves to the end.
    this.#modelsSeenAt.delete(name);
    this.#modelsSeenAt.set(name, now);
    const [oldest] = this.#modelsSeenAt.keys();
    if (oldest !== undefined && this.#modelsSeenAt.size > MAX_REMEMBERED_MODELS) this.#modelsSeenAt.delete(oldest);
  }

  #modelSeenAt(model: string | undefined): number {
    return (model === undefined ? undefined : this.#modelsSeenAt.get(model)) ?? this.#startedAt;
  }

  #isRecent(at: number): boolean {
    return this.#options.now() - at < this.#options.workerTimeoutMs;
  }
}
