import type { PullProgress } from '@shoal/models';
import { LiveLine, type LineStream } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';
import { bar, portion, size } from '../terminal/transfer-progress.ts';

/** Without a terminal, a line is written for each of these parts of a download. */
const PARTS = 10;

/** Prints the progress of a pull: on a terminal one updated line with a bar, else a line for each step and each tenth. */
export class PullLine {
  readonly #label: string;
  readonly #line: LiveLine;
  readonly #isTerminal: boolean;
  #printedParts = 0;

  /** `label` names the model. It must be safe to print to a terminal. */
  constructor(label: string, stream: LineStream = process.stderr) {
    this.#label = label;
    this.#line = new LiveLine(stream);
    this.#isTerminal = stream.isTTY === true;
  }

  update(progress: PullProgress): void {
    switch (progress.phase) {
      case 'finding':
        return this.#line.show(`Looking for ${this.#label} …`);
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

  /** Ends the line, so that later output starts on a new one. */
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
    if (parts <= this.#printedParts) return;
    this.#printedParts = parts;
    this.#line.show(text(progress));
  }
}

/** `45 %, 1.7 GB of 3.8 GB, 110 MB/s, 19 s left`, without the values that are not known. */
function text({ doneBytes, totalBytes, bytesPerSecond, secondsLeft }: PullProgress): string {
  return [
    totalBytes === undefined ? size(doneBytes) : portion(doneBytes, Math.max(totalBytes, 1)),
    ...(bytesPerSecond === undefined ? [] : [`${size(bytesPerSecond)}/s`]),
    ...(secondsLeft === undefined ? [] : [`${duration(Math.ceil(secondsLeft))} left`]),
  ].join(', ');
}
