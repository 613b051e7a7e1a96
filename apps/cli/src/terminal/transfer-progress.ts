import { LiveLine, type LineStream } from './live-line.ts';
import { duration, elapsed } from './output.ts';

/** Minimum time between two redraws on a terminal. */
const REDRAW_MS = 100;
/** Number of lines that are written without a terminal. */
const PARTS = 10;
const BAR_WIDTH = 24;
const UNITS = ['B', 'kB', 'MB', 'GB'];

/** The progress of a transfer: a bar with bytes, rate and time left on a terminal, otherwise ten plain lines. */
export class TransferProgress {
  readonly #total: number;
  readonly #line: LiveLine;
  readonly #isTerminal: boolean;
  readonly #now: () => number;
  readonly #startedAt: number;
  #drawnAt = -Infinity;
  #partsShown = 0;

  constructor(total: number, stream: LineStream = process.stderr, now = (): number => performance.now()) {
    this.#total = total;
    this.#line = new LiveLine(stream);
    this.#isTerminal = stream.isTTY === true;
    this.#now = now;
    this.#startedAt = now();
  }

  update(sent: number): void {
    const now = this.#now();
    if (this.#isTerminal) {
      if (now - this.#drawnAt < REDRAW_MS && sent < this.#total) return;
      this.#drawnAt = now;
      this.#line.show(`${bar(sent / this.#total)} ${this.#progress(sent, now)}`);
      return;
    }
    const parts = Math.floor((sent / this.#total) * PARTS);
    if (parts <= this.#partsShown) return;
    this.#partsShown = parts;
    this.#line.show(this.#progress(sent, now));
  }

  /** Ends the line. */
  end(): void {
    this.#line.end();
  }

  /** `45 %, 1.7 GB of 3.8 GB, 110 MB/s, 19 s left`. */
  #progress(sent: number, now: number): string {
    const seconds = Math.max((now - this.#startedAt) / 1_000, 0.001);
    const bytesPerSecond = sent / seconds;
    const left = sent === 0 ? [] : [`${remaining((this.#total - sent) / bytesPerSecond)} left`];
    const progress = [portion(sent, this.#total), `${size(bytesPerSecond)}/s`];
    return [...progress, ...(sent < this.#total ? left : [`in ${elapsed(seconds)}`])].join(', ');
  }
}

function remaining(seconds: number): string {
  return seconds < 1 ? 'less than 1 s' : duration(Math.ceil(seconds));
}

/** Formats a part of a total: `45 %, 1.7 GB of 3.8 GB`. */
export function portion(bytes: number, total: number): string {
  return `${Math.floor((bytes / total) * 100)} %, ${size(bytes)} of ${size(total)}`;
}

/** Draws a bar for a share from 0 to 1. */
export function bar(share: number): string {
  const filled = Math.floor(share * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}

/** Formats bytes: `980 B`, `3.8 MB`, `120 MB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit += 1) value /= 1_000;
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[unit]}`;
}
