import { type InferenceEvent, isTerminal, type ShoalError } from '@shoal/protocol';
import type { QueueStatus } from '@shoal/protocol/donate';
import type { Exchange } from '@shoal/transport';

/** One job that is over, for whoever keeps a log. */
export interface JobReport {
  /** Where it came from. */
  readonly peer: string;
  /** `mount` is the loading of a pushed model. */
  readonly kind: 'infer' | 'prompt' | 'mount';
  readonly outcome: 'answered' | 'failed' | 'left';
  /** Why, where it failed. */
  readonly error?: ShoalError;
  /** Generated for it. */
  readonly tokens: number;
  /** Jobs that waited when it started. */
  readonly queueDepth: number;
  /** From when it came, its wait included. */
  readonly durationMs: number;
}

export interface JobDesk {
  /** Hands the job on to its entrance; `onStart` is to be called when its turn has come. */
  answer(exchange: Exchange, onStart: () => void): void;
  /** Jobs that wait now. */
  readonly waiting: () => number;
  /** Its turn has come, while so many others wait. */
  readonly onStart: (queueDepth: number) => void;
  readonly onEnd: (report: JobReport) => void;
  readonly onChange: () => void;
}

/** How the jobs of one door fare: those that wait, and the one that runs. */
export class Jobs {
  #waiting = 0;
  #running = 0;
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get status(): QueueStatus {
    return { depth: this.#waiting, capacity: this.#capacity, in_progress: this.#running > 0 };
  }

  /** Has a job answered, and follows it to its end. */
  take(exchange: Exchange, from: Pick<JobReport, 'peer' | 'kind'>, desk: JobDesk): void {
    const startedAt = performance.now();
    let place: 'waiting' | 'running' | 'over' = 'waiting';
    let queueDepth = 0;
    let tokens = 0;
    this.#waiting += 1;
    const end = (outcome: JobReport['outcome'], error?: ShoalError): void => {
      if (place === 'over') return;
      if (place === 'waiting') this.#waiting -= 1;
      else this.#running -= 1;
      place = 'over';
      const durationMs = performance.now() - startedAt;
      desk.onEnd({ ...from, outcome, tokens, queueDepth, durationMs, ...(error === undefined ? {} : { error }) });
      desk.onChange();
    };
    const followed = follow(exchange, (event) => {
      if (event.type === 'text') tokens += event.tokens.length;
      else if (event.type === 'error') end('failed', event.error);
      else if (isTerminal(event)) end(event.reason === 'abort' ? 'left' : 'answered');
    });
    exchange.onAbort(() => end('left'));
    desk.answer(followed, () => {
      if (place !== 'waiting') return;
      place = 'running';
      this.#waiting -= 1;
      this.#running += 1;
      queueDepth = desk.waiting();
      desk.onStart(queueDepth);
    });
    desk.onChange();
  }
}

/** The same exchange, with somebody who hears what is said: a terminal event once it has been said, a text before. */
function follow(exchange: Exchange, hear: (event: InferenceEvent) => void): Exchange {
  return {
    id: exchange.id,
    request: exchange.request,
    get ended() {
      return exchange.ended;
    },
    send(event) {
      if (!isTerminal(event)) hear(event);
      const sent = exchange.send(event);
      if (isTerminal(event)) hear(event);
      return sent;
    },
    onAbort: (listener) => exchange.onAbort(listener),
  };
}
