import type { PullProgress } from '@shoal/models';
import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';
import { bar, portion, size } from '../terminal/transfer-progress.ts';

/** Where there is no terminal, a line is written at each such part of the whole. */
const PARTS = 10;

/** How far a pull is: on a terminal one line, with a bar, drawn anew; elsewhere a plain line for each step and each tenth. */
export class PullLine {
  readonly #what: string;
  readonly #line: LiveLine;
  readonly #isTerminal: boolean;
  #partsSaid = 0;

  /** `what` is what is pulled, fit for a terminal. */
  constructor(what: string, stream: LineStream = process.stderr) {
    this.#what = what;
    this.#line = new LiveLine(stream);
    this.#isTerminal = stream.isTTY === true;
  }

  update(progress: PullProgress): void {
    switch (progress.phase) {
      case 'finding':
        return this.#line.show(`Looking for ${this.#what} …`);
      case 'waiting':
        return this.#line.show('Waiting for another pull of the same file …');
      case 'fetching':
        return this.#fetching(progress);
      case 'checking':
        return this.#line.show('Checking …');
      case 'done':
        return this.#line.clear();
      default:
        progress.phase satisfies never;
    }
  }

  /** Whatever follows begins a line of its own. */
  end(): void {
    this.#line.end();
  }

  #fetching(progress: PullProgress): void {
    const { doneBytes, totalBytes } = progress;
    const share = totalBytes === undefined ? undefined : doneBytes / Math.max(totalBytes, 1);
    if (this.#isTerminal) {
      this.#line.show([...(share === undefined ? [] : [bar(share)]), text(progress)].join(' '));
      return;
    }
    const parts = Math.floor((share ?? 0) * PARTS);
    if (parts <= this.#partsSaid) return;
    this.#partsSaid = parts;
    this.#line.show(text(progress));
  }
}

/** `45 %, 1.7 GB of 3.8 GB, 110 MB/s, 19 s left`; what is not known is left out. */
function text({ doneBytes, totalBytes, bytesPerSecond, secondsLeft }: PullProgress): string {
  return [
    totalBytes === undefined ? size(doneBytes) : portion(doneBytes, Math.max(totalBytes, 1)),
    ...(bytesPerSecond === undefined ? [] : [`${size(bytesPerSecond)}/s`]),
    ...(secondsLeft === undefined ? [] : [`${duration(Math.ceil(secondsLeft))} left`]),
  ].join(', ');
}
