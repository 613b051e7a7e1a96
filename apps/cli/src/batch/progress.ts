import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';

/** How often the line on a terminal is drawn anew. */
const REDRAW_INTERVAL_MS = 200;
/** How often a line is written where there is no terminal. */
const LINE_INTERVAL_MS = 5_000;

/** What of a batch is done. */
export interface Done {
  readonly answered: number;
  readonly failed: number;
}

/** A wait for a worker, while there is none. */
export interface Waiting {
  readonly seconds: number;
  /** After so long the batch gives up. */
  readonly patienceSeconds: number;
  /** Whether there ever was one. */
  readonly wasThere: boolean;
}

/** Says how far a batch is: one line that is drawn anew on a terminal, a line now and then elsewhere. */
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

  /** Says how long a worker has been waited for, too. */
  watch(readWaiting: () => Waiting | undefined): void {
    this.#readWaiting = readWaiting;
  }

  /** Since this run began. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** Lines done in this run a second. */
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

/** `120/1000 lines, 2 failed, 48.3/s, 18 s left`, or what is waited for instead of the rate. */
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

function waitingLine({ seconds, patienceSeconds, wasThere }: Waiting): string {
  const waited = Math.min(Math.round(seconds), patienceSeconds);
  return `no worker ${wasThere ? 'any more' : 'yet'} (waiting ${waited} of ${patienceSeconds} s)`;
}

function sum({ answered, failed }: Done): number {
  return answered + failed;
}
