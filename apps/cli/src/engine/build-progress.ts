import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';
import { bar } from '../terminal/transfer-progress.ts';

/** Where there is no terminal, a line is written at each such part of the whole. */
const PARTS = 10;
/** A terminal's line is drawn anew this often at most. */
const REDRAW_MS = 100;
/** So little says nothing yet of how long the rest takes. */
const SHARE_KNOWN = 0.03;

/** How far a build is: on a terminal one line, with a bar, drawn anew; elsewhere a plain line for each step and each tenth. */
export class BuildLine {
  readonly #line: LiveLine;
  readonly #isTerminal: boolean;
  readonly #now: () => number;
  #startedAt: number | undefined;
  #partsSaid = 0;
  #drawnAt = -Infinity;

  constructor(stream: LineStream = process.stderr, now = (): number => performance.now()) {
    this.#line = new LiveLine(stream);
    this.#isTerminal = stream.isTTY === true;
    this.#now = now;
  }

  step(text: string): void {
    this.#line.show(`${text} …`);
  }

  /** A line of what the build program says: those that say how far it is are shown. */
  hear(line: string): void {
    const share = shareIn(line);
    if (share === undefined) return;
    const now = this.#now();
    this.#startedAt ??= now;
    const parts = Math.floor(share * PARTS);
    const isDue = this.#isTerminal ? now - this.#drawnAt >= REDRAW_MS : parts > this.#partsSaid;
    if (!isDue) return;
    this.#drawnAt = now;
    this.#partsSaid = parts;
    const text = ['Compiling', `${Math.floor(share * 100)} %`, ...left(share, (now - this.#startedAt) / 1_000)].join(
      ', ',
    );
    this.#line.show(this.#isTerminal ? `${bar(share)} ${text}` : text);
  }

  /** Takes the line away: what follows says how it ended. */
  end(): void {
    this.#line.clear();
  }
}

/** From 0 to 1. Ninja writes `[12/345] …`, make `[ 12%] …`. */
export function shareIn(line: string): number | undefined {
  const [, done, all, percent] = /^\[\s*(?:(\d+)\/(\d+)|(\d+)%)\]/.exec(line) ?? [];
  if (percent !== undefined) return Math.min(Number(percent) / 100, 1);
  if (done === undefined || all === undefined || Number(all) === 0) return undefined;
  return Math.min(Number(done) / Number(all), 1);
}

function left(share: number, seconds: number): readonly string[] {
  if (share < SHARE_KNOWN || share >= 1 || seconds < 1) return [];
  return [`${duration(Math.ceil((seconds * (1 - share)) / share))} left`];
}
