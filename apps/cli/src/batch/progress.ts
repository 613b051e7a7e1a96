import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';

/** The interval between two drawings of the line on a terminal. */
const REDRAW_INTERVAL_MS = 200;
/** Milliseconds between two lines of progress without a terminal. */
const LINE_INTERVAL_MS = 5_000;

/** The lines of a batch that are done. */
export interface Done {
  readonly answered: number;
  readonly failed: number;
}

/** A wait for a worker, while there is none. */
export interface Waiting {
  readonly seconds: number;
  /** The batch ends after this time. */
  readonly timeoutSeconds: number;
  /** True if there was a worker at any time. */
  readonly wasPresent: boolean;
}

/** Shows the progress of a batch: a line that is redrawn on a terminal, or else a line at intervals. */
export class Progress {
  readonly #line: LiveLine;
  readonly #total: number;
  readonly #read: () => Done;
  readonly #before: number;
  #readWaiting: () => Waiting | undefined = () => undefined;
  readonly #startedAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(screen: LineStream, total: number, read: () => Done) {
    this.#line = new LiveLine(screen);
    this.#total = total;
    this.#read = read;
    this.#before = sum(read());
    this.#timer = setInterval(() => this.#show(), screen.isTTY ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS);
    if (this.#before > 0) screen.write(`${this.#before} of ${total} lines were done before.\n`);
  }

  /** Also shows how long the batch has waited for a worker. */
  showWaiting(readWaiting: () => Waiting | undefined): void {
    this.#readWaiting = readWaiting;
  }

  /** Seconds since this run began. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** Lines per second in this run. */
  get rate(): number {
    return (sum(this.#read()) - this.#before) / this.seconds;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#line.clear();
  }

  #show(): void {
    this.#line.show(progressLine(this.#read(), this.#total, this.#readWaiting() ?? this.rate));
  }
}

/** `120/1000 lines, 2 failed, 48.3/s, 18 s left`, or the wait for a worker instead of the rate. */
export function progressLine(done: Done, total: number, pace: number | Waiting): string {
  return [
    `${sum(done)}/${total} lines`,
    ...(done.failed > 0 ? [`${done.failed} failed`] : []),
    ...(typeof pace === 'number' ? rateAndRest(pace, total - sum(done)) : [waitingLine(pace)]),
  ].join(', ');
}

function rateAndRest(rate: number, left: number): readonly string[] {
  return rate > 0 ? [`${rate.toFixed(rate < 10 ? 2 : 1)}/s`, `${duration(Math.ceil(left / rate))} left`] : [];
}

function waitingLine({ seconds, timeoutSeconds, wasPresent }: Waiting): string {
  const waited = Math.min(Math.round(seconds), timeoutSeconds);
  return `no worker ${wasPresent ? 'any more' : 'yet'} (waiting ${waited} of ${timeoutSeconds} s)`;
}

function sum({ answered, failed }: Done): number {
  return answered + failed;
}
