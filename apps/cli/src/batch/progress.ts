import { LiveLine, type LineStream } from '../live-line.ts';
import { duration } from '../output.ts';

/** How often the line on a terminal is drawn anew. */
const REDRAW_INTERVAL_MS = 200;
/** How often a line is written where there is no terminal. */
const LINE_INTERVAL_MS = 5_000;

/** What of a batch is done. */
export interface Done {
  readonly answered: number;
  readonly failed: number;
}

/** Says how far a batch is: one line that is drawn anew on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #line: LiveLine;
  readonly #total: number;
  readonly #read: () => Done;
  readonly #before: number;
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
    this.#line.show(progressLine(this.#read(), this.#total, this.rate));
  }
}

/** `120/1000 lines, 2 failed, 48.3/s, 18 s left`. */
export function progressLine(done: Done, total: number, rate: number): string {
  const left = total - sum(done);
  return [
    `${sum(done)}/${total} lines`,
    ...(done.failed > 0 ? [`${done.failed} failed`] : []),
    ...(rate > 0 ? [`${rate.toFixed(rate < 10 ? 2 : 1)}/s`, `${duration(Math.ceil(left / rate))} left`] : []),
  ].join(', ');
}

function sum({ answered, failed }: Done): number {
  return answered + failed;
}
