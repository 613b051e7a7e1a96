import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import { Admission, type Lease, type Load, type Queue, type QueuePolicy } from './admission.ts';
import { serve } from './serve.ts';
import { SpeedGauge } from './speed.ts';

export interface SchedulerOptions {
  /** Generations that run at once, whatever door they came through. */
  readonly slots: number;
  /** Called after every change of load. */
  readonly onChange?: () => void;
  /** Causes that stay at home. */
  readonly onError?: (error: ShoalError) => void;
}

/** How one door's requests are treated. */
export interface DoorPolicy extends QueuePolicy {
  /** Tokens that one answer has at most, whatever was asked for. */
  readonly maxTokens: number;
}

/** What a door wants done with one request. */
export interface Job {
  /** What answers it, asked for once its turn has come. A rejection ends the request with its `ShoalError`. */
  engine(signal: AbortSignal): Engine | Promise<Engine>;
  /** Its turn has come. */
  onStart?(): void;
}

/** How a door's requests ended, since it opened. */
export interface Outcomes {
  readonly answered: number;
  readonly failed: number;
  /** Cut short: taken back by whoever asked, not read by them, or past their deadline. */
  readonly aborted: number;
  /** Never begun: no room, no such model, nothing to answer. */
  readonly refused: number;
}

/** One for everything that generates on this machine: every door's requests meet here. */
export class Scheduler {
  readonly speed = new SpeedGauge();
  readonly #admission: Admission;
  readonly #onError: (error: ShoalError) => void;
  readonly #running = new Set<Promise<void>>();
  #isDraining = false;

  constructor({ slots, onChange, onError }: SchedulerOptions) {
    this.#admission = new Admission({ slots, ...(onChange === undefined ? {} : { onChange }) });
    this.#onError = onError ?? (() => {});
  }

  get slots(): number {
    return this.#admission.slots;
  }

  get load(): Load {
    const { active, queued } = this.#admission;
    return { active, queued };
  }

  /** A way in for one door. */
  open(policy: DoorPolicy): Entrance {
    return new Entrance(policy, this.#admission.queue(policy), {
      speed: this.speed,
      onError: this.#onError,
      isDraining: () => this.#isDraining,
      track: (running) => this.#track(running),
    });
  }

  /** Takes nothing new and waits so long at most for what runs. */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    await Promise.race([this.drained(), patience]);
    clearTimeout(timer);
  }

  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #track(running: Promise<void>): void {
    const tracked = running.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

interface EntranceContext {
  readonly speed: SpeedGauge;
  readonly onError: (error: ShoalError) => void;
  readonly isDraining: () => boolean;
  readonly track: (running: Promise<void>) => void;
}

/** One door's way to the engines: its own queue, and what became of its requests. */
export class Entrance {
  readonly #policy: DoorPolicy;
  readonly #queue: Queue;
  readonly #context: EntranceContext;
  readonly #outcomes = { answered: 0, failed: 0, aborted: 0, refused: 0 };

  constructor(policy: DoorPolicy, queue: Queue, context: EntranceContext) {
    this.#policy = policy;
    this.#queue = queue;
    this.#context = context;
  }

  /** Of this door alone. */
  get load(): Load {
    const { active, queued } = this.#queue;
    return { active, queued };
  }

  get outcomes(): Outcomes {
    return { ...this.#outcomes };
  }

  /** Answers one request: exactly one terminal event leaves, whatever happens. Its deadline counts from here. */
  answer(exchange: Exchange, job: Job): void {
    const abort = new AbortController();
    exchange.onAbort((why) => abort.abort(why));
    const stopClock = startDeadline(exchange, abort);
    try {
      if (this.#context.isDraining()) throw new ShoalError('OVERLOADED', 'This node is shutting down.');
      const place = this.#queue.admit((lease) => {
        const running = this.#run(exchange, job, abort.signal);
        this.#context.track(running.finally(() => this.#end(lease, stopClock)));
      });
      if (place === undefined) return;
      abort.signal.addEventListener('abort', () => {
        if (place.leave()) this.#outcomes.aborted += 1;
        stopClock();
      });
      void exchange.send({ type: 'queued', position: place.position });
    } catch (thrown) {
      stopClock();
      this.refuse(exchange, ShoalError.from(thrown));
    }
  }

  /** Ends a request that is not to be run. */
  refuse(exchange: Exchange, error: ShoalError): void {
    this.#outcomes.refused += 1;
    void exchange.send({ type: 'error', error });
  }

  async #run(exchange: Exchange, job: Job, signal: AbortSignal): Promise<void> {
    job.onStart?.();
    const { speed, onError } = this.#context;
    const { maxTokens } = this.#policy;
    const outcome = await serve(exchange, (stop) => job.engine(stop), { maxTokens, speed, signal, onError });
    this.#outcomes[outcome] += 1;
  }

  #end(lease: Lease, stopClock: () => void): void {
    stopClock();
    lease.release();
  }
}

/** Ends the exchange and aborts when the request's deadline passes. Returns the way to stop waiting for that. */
function startDeadline(exchange: Exchange, abort: AbortController): () => void {
  const { deadlineMs } = exchange.request;
  if (deadlineMs === undefined) return () => {};
  const timer = setTimeout(() => {
    const error = ShoalError.deadlineExceeded();
    void exchange.send({ type: 'error', error });
    abort.abort(error);
  }, deadlineMs);
  return () => clearTimeout(timer);
}
