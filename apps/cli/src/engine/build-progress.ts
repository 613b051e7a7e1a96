import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';
import { bar } from '../terminal/transfer-progress.ts';

/** Number of progress lines without a terminal. */
const PARTS = 10;
/** Minimum time between two redraws on a terminal. */
const REDRAW_MS = 100;
/** The remaining time is estimated from this share on. */
const ESTIMATE_SHARE_MIN = 0.03;

/** The progress of a build: one line with a bar on a terminal, otherwise a plain line for each step and each tenth. */
export class BuildLine {
  readonly #line: LiveLine;
  readonly #isTerminal: boolean;
  readonly #now: () => number;
  #startedAt: number | undefined;
  #partsShown = 0;
  #drawnAt = -Infinity;

  constructor(stream: LineStream = process.stderr, now = (): number => performance.now()) {
    this.#line = new LiveLine(stream);
    this.#isTerminal = stream.isTTY === true;
    this.#now = now;
  }

  step(text: string): void {
    this.#line.show(`${text} …`);
  }

  /** Reads a line of output of the build program. Shows it if it contains the progress. */
  readOutput(line: string): void {
    const share = parseShare(line);
    if (share === undefined) return;
    const now = this.#now();
    this.#startedAt ??= now;
    const parts = Math.floor(share * PARTS);
    const isDue = this.#isTerminal ? now - this.#drawnAt >= REDRAW_MS : parts > this.#partsShown;
    if (!isDue) return;
    this.#drawnAt = now;
    this.#partsShown = parts;
    const text = ['Compiling', `${Math.floor(share * 100)} %`, ...left(share, (now - this.#startedAt) / 1_000)].join(
      ', ',
    );
    this.#line.show(this.#isTerminal ? `${bar(share)} ${text}` : text);
  }

  /** Removes the line. */
  end(): void {
    this.#line.clear();
  }
}

/** Returns the progress in a line, from 0 to 1. Ninja writes `[12/345] …`, make `[ 12%] …`. */
export function parseShare(line: string): number | undefined {
  const [, done, all, percent] = /^\[\s*(?:(\d+)\/(\d+)|(\d+)%)\]/.exec(line) ?? [];
  if (percent !== undefined) return Math.min(Number(percent) / 100, 1);
  if (done === undefined || all === undefined || Number(all) === 0) return undefined;
  return Math.min(Number(done) / Number(all), 1);
}

function left(share: number, seconds: number): readonly string[] {
  if (share < ESTIMATE_SHARE_MIN || share >= 1 || seconds < 1) return [];
  return [`${duration(Math.ceil((seconds * (1 - share)) / share))} left`];
}
