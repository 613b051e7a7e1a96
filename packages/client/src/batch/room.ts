import type { ErrorCode, PeerInfo, ShoalError } from '@shoal/protocol';
import { matchModel, slotsOf } from '../select.ts';

/** Requests of a batch that run at once, however many slots the workers report. */
const MAX_IN_FLIGHT = 1_024;

/** Names and digests of models that were there once; of more, those that were seen longest ago are forgotten. */
const MAX_REMEMBERED_MODELS = 1_024;

/** Nobody has room just now: no failure, however often it happens. */
const FULL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['QUEUE_FULL', 'OVERLOADED', 'MODEL_BUSY']);
/** The way to the worker failed. */
const LOST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONNECT_FAILED',
  'HOST_DISCONNECTED',
  'TIMEOUT_NO_RESPONSE',
  'WORKER_LOST',
]);
/** The worker failed, which it may not do again. */
const FAILED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['GENERATION_FAILED', 'GENERATION_ABORTED', 'INTERNAL']);

/**
 * `wait`: nobody who could answer is there or has room, and that may change. `retry`: it may go well when it is asked again.
 * `final`: it will not. `nobody`: there has been no worker for too long.
 */
export type Verdict = 'wait' | 'retry' | 'final' | 'nobody';

/** What is known of a peer here; `Peer` has it. */
export interface Lender {
  readonly info: PeerInfo;
  readonly othersLoad?: number | undefined;
}

export interface RoomOptions {
  readonly peers: () => readonly Lender[];
  readonly concurrency: number;
  /** How long a worker, or one with the model, may be away before that is final. */
  readonly patienceMs: number;
  /** The monotonic clock, milliseconds. */
  readonly now: () => number;
}

/** How much the workers can take together, and when each model was last to be had. */
export class BatchRoom {
  readonly #options: RoomOptions;
  readonly #startedAt: number;
  #lendersSeenAt: number;
  readonly #modelsSeenAt = new Map<string, number>();
  #lenders: readonly Lender[] = [];

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#lendersSeenAt = this.#startedAt;
    this.look();
  }

  get patienceMs(): number {
    return this.#options.patienceMs;
  }

  /** Call at every change of peers. */
  look(): void {
    // Whoever is gone since the last look was there until now.
    this.#remember();
    this.#lenders = this.#options.peers().filter(({ info }) => info.lends === true);
    this.#remember();
  }

  /**
   * How many requests for a model (absent: for any) may be under way together: as many as the workers have slots, less what
   * they do for others. One is always tried: it looks for a worker where none is known, and waits in line where all are busy.
   */
  limit(model?: string): number {
    const able = this.#lenders.filter(({ info }) => matchModel(info.models, model) !== undefined);
    const slots = able.reduce((sum, { info, othersLoad = 0 }) => sum + Math.max(0, slotsOf(info) - othersLoad), 0);
    return Math.max(1, Math.min(slots, this.#options.concurrency, MAX_IN_FLIGHT));
  }

  /** What is to become of a line that ended with this error. */
  verdict({ code }: ShoalError, model: string | undefined): Verdict {
    this.look();
    if (FULL.has(code)) return 'wait';
    if (code === 'MODEL_NOT_FOUND') {
      if (this.#lenders.some(({ info }) => matchModel(info.models, model) !== undefined)) return 'retry';
      return this.#isRecent(this.#modelSeenAt(model)) ? 'wait' : 'final';
    }
    // Peers that are dialled do not take us in: another time they will not either.
    if (code === 'UNAUTHORIZED' && this.#lenders.length === 0) return 'nobody';
    if (code === 'HOST_OFFLINE' || (LOST.has(code) && this.#lenders.length === 0)) {
      return this.#isRecent(this.#lendersSeenAt) ? 'wait' : 'nobody';
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
    // What is set again moves to the end.
    this.#modelsSeenAt.delete(name);
    this.#modelsSeenAt.set(name, now);
    const [oldest] = this.#modelsSeenAt.keys();
    if (oldest !== undefined && this.#modelsSeenAt.size > MAX_REMEMBERED_MODELS) this.#modelsSeenAt.delete(oldest);
  }

  #modelSeenAt(model: string | undefined): number {
    return (model === undefined ? undefined : this.#modelsSeenAt.get(model)) ?? this.#startedAt;
  }

  #isRecent(at: number): boolean {
    return this.#options.now() - at < this.#options.patienceMs;
  }
}
