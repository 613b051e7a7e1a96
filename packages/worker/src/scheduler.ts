import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import { Admission, type Lease, type Load, type Queue, type QueuePolicy } from './admission.ts';
import { serve, type ServeEnd } from './serve.ts';
import { SpeedGauge } from './speed.ts';

export interface SchedulerOptions {
  /** Generations that run at once, whatever door they came through. */
  readonly slots: number;
  /** Called after every change of load. */
  readonly onChange?: (() => void) | undefined;
  /** Causes that stay at home. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
}

/** How one door's requests are treated. */
export interface DoorPolicy extends QueuePolicy {
  /** Tokens that one answer has at most, whatever was asked for. */
  readonly maxTokens: number;
}

/** What answers a request, asked for once its turn has come. A rejection ends the request with its `ShoalError`. */
export type ChooseEngine = (signal: AbortSignal) => Engine | Promise<Engine>;

/** Who wants to know how a request fares. */
export interface RequestObserver {
  /** Its turn has come. */
  onStart?(): void;
  /** It is over and its place is free again. Called exactly once, whether or not it ever began. */
  onEnd?(end: RequestEnd): void;
}

export interface RequestEnd extends Omit<ServeEnd, 'outcome'> {
  /** Beside `ServeEnd`'s: `refused` was never begun, because there was no room, no such model or nothing to answer. */
  readonly outcome: ServeEnd['outcome'] | 'refused';
}

/** How many of a door's requests ended in each way, since it opened. */
export type Outcomes = Readonly<Record<RequestEnd['outcome'], number>>;

/** One for everything that generates on this machine: every door's requests meet here. */
export class Scheduler {
  readonly speed = new SpeedGauge();
  readonly #admission: Admission;
  readonly #onError: (error: ShoalError) => void;
  readonly #running = new Set<Promise<void>>();
  #isDraining = false;

  constructor({ slots, onChange, onError }: SchedulerOptions) {
    this.#admission = new Admission({ slots, onChange });
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
  openQueue(policy: DoorPolicy): QueueHandle {
    return new QueueHandle(policy, this.#admission.queue(policy), {
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

interface QueueContext {
  readonly speed: SpeedGauge;
  readonly onError: (error: ShoalError) => void;
  readonly isDraining: () => boolean;
  readonly track: (running: Promise<void>) => void;
}

/** One door's way to the engines: its own queue, and what became of its requests. */
export class QueueHandle {
  readonly #policy: DoorPolicy;
  readonly #queue: Queue;
  readonly #context: QueueContext;
  readonly #outcomes = { answered: 0, failed: 0, aborted: 0, refused: 0 };

  constructor(policy: DoorPolicy, queue: Queue, context: QueueContext) {
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
  answer(exchange: Exchange, chooseEngine: ChooseEngine, observer: RequestObserver = {}): void {
    const abort = new AbortController();
    exchange.onAbort((why) => abort.abort(why));
    const stopClock = startDeadline(exchange, abort);
    try {
      if (this.#context.isDraining()) throw new ShoalError('OVERLOADED', 'This node is shutting down.');
      const place = this.#queue.admit((lease) => {
        observer.onStart?.();
        this.#context.track(this.#run(exchange, chooseEngine, abort.signal, { observer, lease, stopClock }));
      });
      if (place === undefined) return;
      abort.signal.addEventListener('abort', () => {
        if (!place.leave()) return;
        stopClock();
        this.#ended({ outcome: 'aborted', tokens: 0 }, observer);
      });
      void exchange.send({ type: 'queued', position: place.position });
    } catch (thrown) {
      stopClock();
      this.refuse(exchange, ShoalError.from(thrown), observer);
    }
  }

  /** Ends a request that is not to be run. */
  refuse(exchange: Exchange, error: ShoalError, observer: RequestObserver = {}): void {
    void exchange.send({ type: 'error', error });
    this.#ended({ outcome: 'refused', error, tokens: 0 }, observer);
  }

  async #run(exchange: Exchange, chooseEngine: ChooseEngine, signal: AbortSignal, run: Run): Promise<void> {
    const { speed, onError } = this.#context;
    const { maxTokens } = this.#policy;
    const end = await serve(exchange, chooseEngine, { maxTokens, speed, signal, onError });
    run.stopClock();
    run.lease.release();
    this.#ended(end, run.observer);
  }

  #ended(end: RequestEnd, observer: RequestObserver): void {
    this.#outcomes[end.outcome] += 1;
    observer.onEnd?.(end);
  }
}

/** What a request that runs has to give back. */
interface Run {
  readonly observer: RequestObserver;
  readonly lease: Lease;
  readonly stopClock: () => void;
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
