import { printableText } from '@shoal/host/printable';
import { writeModelText, writeOut } from '../terminal/output.ts';
import { WordWrap } from './word-wrap.ts';

/** Writes one answer to stdout piece by piece. On a terminal it removes control sequences and can wrap lines. */
export class AnswerText {
  readonly #wrap: WordWrap | undefined;
  #last = '';

  constructor(wordWrap: boolean) {
    const { stdout } = process;
    this.#wrap = wordWrap && stdout.isTTY ? new WordWrap(() => stdout.columns) : undefined;
  }

  async write(text: string): Promise<void> {
    if (text === '') return;
    this.#last = text;
    if (this.#wrap === undefined) return writeModelText(text);
    return writeOut(this.#wrap.wrap(printableText(text)));
  }

  /** Ends the last line. */
  end(): void {
    if (this.#last !== '' && !this.#last.endsWith('\n')) process.stdout.write('\n');
  }
}
