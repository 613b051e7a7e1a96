import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol/error';
import { type Exchange, peerGroup } from '@shoal/transport';
import { Admission, type Lease, OWN_GROUP, type QueueLoad, type Queue, type QueuePolicy } from './admission.ts';
import { type RequestLimits, runRequest, type RunEnd } from './run-request.ts';
import { SpeedGauge } from './speed.ts';

/** Requests at once that only count the tokens of their prompts, of all doors together. They need no slot. */
const COUNTS_MAX = 64;

export interface SchedulerOptions {
  /** The most generations that run at once, of all doors together. */
  readonly slots: number;
  /** Called after every change of load. */
  readonly onChange?: (() => void) | undefined;
  /** Receives errors with their causes, which are not sent to peers. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
  /** Called at the end of each request in the queue of a door. */
  readonly onEnd?: ((ended: EndedRequest) => void) | undefined;
}

/** The limits of one door's requests. */
export interface DoorPolicy extends QueuePolicy, RequestLimits {
  /** The name of the door. Undefined for requests of the node itself. */
  readonly door?: string | undefined;
}

/** Returns the engine for a request when the request starts. A rejection ends the request with its `ShoalError`. */
export type SelectEngine = (signal: AbortSignal) => Engine | Promise<Engine>;

/** Receives the events in the life of a request. */
export interface RequestObserver {
  /** The request has started. */
  onStart?(): void;
  /** The request has ended and its slot is free. Called exactly once, even if the request never started. */
  onEnd?(end: RequestEnd): void;
}

export interface RequestEnd extends Omit<RunEnd, 'outcome'> {
  /** `refused`: never started, because the queue was full or no model can answer. */
  readonly outcome: RunEnd['outcome'] | 'refused';
}

/** The end of a peer's request. */
export interface EndedRequest extends RequestEnd {
  readonly door: string;
  readonly exchange: Exchange;
  /** Milliseconds since the request arrived. */
  readonly durationMs: number;
}

/** The number of a door's requests that ended in each way since it opened. */
export type Outcomes = Readonly<Record<RequestEnd['outcome'], number>>;

/** Runs the requests of all doors on this machine's slots. */
export class Scheduler {
  readonly speed = new SpeedGauge();
  readonly #admission: Admission;
  readonly #onError: (error: ShoalError) => void;
  readonly #onEnd: (ended: EndedRequest) => void;
  readonly #running = new Set<Promise<void>>();
  #isDraining = false;
  #counts = 0;

  constructor({ slots, onChange, onError, onEnd }: SchedulerOptions) {
    this.#admission = new Admission({ slots, onChange });
    this.#onError = onError ?? (() => {});
    this.#onEnd = onEnd ?? (() => {});
  }

  get slots(): number {
    return this.#admission.slots;
  }

  get load(): QueueLoad {
    const { active, queued } = this.#admission;
    return { active, queued };
  }

  /** Opens a queue for one door. */
  openQueue(policy: DoorPolicy): QueueHandle {
    return new QueueHandle(policy, this.#admission.queue(policy), {
      speed: this.speed,
      onError: this.#onError,
      onEnd: this.#onEnd,
      isDraining: () => this.#isDraining,
      track: (running) => this.#track(running),
      leaseCount: () => this.#leaseCount(),
    });
  }

  /** Refuses new requests and waits at most `drainMs` for running ones. */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    await Promise.race([this.drained(), timeout]);
    clearTimeout(timer);
  }

  /** Resolves when no request runs. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Returns the right to count one prompt. Throws `OVERLOADED`. */
  #leaseCount(): Lease {
    if (this.#counts >= COUNTS_MAX) {
      throw new ShoalError('OVERLOADED', `${COUNTS_MAX} prompts are being counted. Try again later.`);
    }
    this.#counts += 1;
    return { isWanted: false, unread: () => {}, release: () => void (this.#counts -= 1) };
  }

  #track(running: Promise<void>): void {
    const tracked = running.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

interface QueueContext {
  readonly speed: SpeedGauge;
  readonly onError: (error: ShoalError) => void;
  readonly onEnd: (ended: EndedRequest) => void;
  readonly isDraining: () => boolean;
  readonly track: (running: Promise<void>) => void;
  readonly leaseCount: () => Lease;
}

/** The queue of one door, and the counters of its requests. */
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

  /** The load of this queue alone. */
  get load(): QueueLoad {
    const { active, queued } = this.#queue;
    return { active, queued };
  }

  get outcomes(): Outcomes {
    return { ...this.#outcomes };
  }

  /** Answers one request with exactly one terminal event. The request's deadline starts here. */
  answer(exchange: Exchange, selectEngine: SelectEngine, observer: RequestObserver = {}): void {
    const asked: Asked = { exchange, observer, arrivedAt: performance.now() };
    const abort = new AbortController();
    exchange.onAbort((why) => abort.abort(why));
    const stopTimer = startDeadline(exchange, abort);
    try {
      if (this.#context.isDraining()) throw new ShoalError('OVERLOADED', 'This node is shutting down.');
      const start = (lease: Lease): void => {
        observer.onStart?.();
        this.#context.track(this.#run(asked, selectEngine, abort.signal, { lease, stopTimer }));
      };
      if (exchange.request.countOnly === true) return start(this.#context.leaseCount());
      const refused = (error: ShoalError): void => {
        stopTimer();
        this.#refuse(asked, error);
      };
      const moved = (position: number): void => void exchange.send({ type: 'queued', position });
      const place = this.#queue.admit({ group: groupOf(exchange), granted: start, refused, moved });
      if (place === undefined) return;
      abort.signal.addEventListener('abort', () => {
        if (!place.leave()) return;
        stopTimer();
        this.#ended({ outcome: 'aborted', tokens: 0 }, asked);
      });
      moved(place.position);
    } catch (thrown) {
      stopTimer();
      this.#refuse(asked, ShoalError.from(thrown));
    }
  }

  /** Ends a request that will not run. */
  refuse(exchange: Exchange, error: ShoalError, observer: RequestObserver = {}): void {
    this.#refuse({ exchange, observer, arrivedAt: performance.now() }, error);
  }

  #refuse(asked: Asked, error: ShoalError): void {
    void asked.exchange.send({ type: 'error', error });
    this.#ended({ outcome: 'refused', error, tokens: 0 }, asked);
  }

  async #run(asked: Asked, selectEngine: SelectEngine, signal: AbortSignal, run: Run): Promise<void> {
    const { speed, onError } = this.#context;
    const { maxTokens, obeysKeepAlive } = this.#policy;
    const { lease, stopTimer } = run;
    const options = { maxTokens, obeysKeepAlive, speed, signal, onError, lease };
    const end = await runRequest(asked.exchange, selectEngine, options);
    stopTimer();
    lease.release();
    this.#ended(end, asked);
  }

  #ended(end: RequestEnd, { exchange, observer, arrivedAt }: Asked): void {
    this.#outcomes[end.outcome] += 1;
    observer.onEnd?.(end);
    const { door } = this.#policy;
    if (door !== undefined) this.#context.onEnd({ ...end, door, exchange, durationMs: performance.now() - arrivedAt });
  }
}

function groupOf({ remote }: Exchange): string {
  return remote === undefined ? OWN_GROUP : peerGroup(remote);
}

/** A request that a queue has received. */
interface Asked {
  readonly exchange: Exchange;
  readonly observer: RequestObserver;
  /** On the monotonic clock, in milliseconds. */
  readonly arrivedAt: number;
}

/** The resources that a running request releases at its end. */
interface Run {
  readonly lease: Lease;
  readonly stopTimer: () => void;
}

/** Ends the exchange and aborts when the request's deadline passes. Returns a function that stops the timer. */
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
