import { createInterface, type Interface, type Key } from 'node:readline';
import { MutedOutput } from '../terminal/muted-output.ts';
import { MAX_HISTORY_LINES } from './input-history.ts';

/** Limit of the lines that are typed during an answer. Further lines are dropped. */
const MAX_QUEUED_LINES = 256;

const PROMPT = '>>> ';
const PROMPT_WITHIN = '... ';
const PLACEHOLDER = 'Send a message (/? for help)';
const PLACEHOLDER_WITHIN = 'Use """ to end multi-line input';

const GREY = '\u001b[90m';
const PLAIN = '\u001b[0m';
const CLEAR_BEHIND = '\u001b[K';
/** Bracketed paste mode: the terminal marks the begin and end of a pasted text. */
const PASTES_ON = '\u001b[?2004h';
const PASTES_OFF = '\u001b[?2004l';

export interface TypedLine {
  readonly text: string;
  /** True if more lines of the same pasted text follow. */
  readonly isPasted: boolean;
}

export interface TerminalLinesOptions {
  /** Lines of earlier sessions, the latest first. */
  readonly history: string[];
  /** True if typed lines are added to the history. */
  readonly remembers: () => boolean;
  readonly onRemember: (line: string) => void;
  /** Called for Ctrl-C. `isLineEmpty` is false if it dropped a typed line. */
  readonly onInterrupt: (isLineEmpty: boolean) => void;
}

/** Reads lines from a terminal, with editing and history. */
export class TerminalLines {
  readonly #options: TerminalLinesOptions;
  readonly #output = new MutedOutput();
  readonly #lines: Interface;
  readonly #queue: TypedLine[] = [];
  readonly #onKey = (_text: string | undefined, key: Key | undefined): void => this.#onKeypress(key?.name);
  #wanted: ((line: TypedLine | undefined) => void) | undefined;
  #isClosed = false;
  #isPasting = false;
  #placeholder = '';

  constructor(options: TerminalLinesOptions) {
    this.#options = options;
    const { history } = options;
    // Before readline's own listener, so that the placeholder is cleared before a letter is written.
    process.stdin.prependListener('keypress', this.#onKey);
    this.#lines = createInterface({
      input: process.stdin,
      output: this.#output,
      terminal: true,
      history,
      historySize: MAX_HISTORY_LINES,
    });
    this.#lines.on('line', (text) => this.#onLine(text));
    this.#lines.on('history', (lines) => this.#remember(lines));
    this.#lines.on('SIGINT', () => this.#interrupt());
    this.#lines.on('close', () => {
      this.#isClosed = true;
      this.#resolve(undefined);
    });
    process.stdout.write(PASTES_ON);
  }

  /** Returns the next line; undefined at the end of the input. `isWithin`: the line continues a message. */
  next(isWithin: boolean): Promise<TypedLine | undefined> {
    const first = this.#queue.shift();
    if (first !== undefined) {
      // It was typed while the output was muted.
      process.stdout.write(`${isWithin ? PROMPT_WITHIN : PROMPT}${first.text}\n`);
      return Promise.resolve(first);
    }
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#wanted = resolve;
      this.#lines.setPrompt(isWithin ? PROMPT_WITHIN : PROMPT);
      this.#lines.prompt(true);
      this.#showPlaceholder(isWithin ? PLACEHOLDER_WITHIN : PLACEHOLDER);
    });
  }

  /** Hides typed text while `work` writes its output. */
  async mute<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#output.isMuted = true;
    try {
      return await work();
    } finally {
      this.#output.isMuted = false;
    }
  }

  /** Closes the input. A pending `next` resolves with undefined. */
  close(): void {
    process.stdin.off('keypress', this.#onKey);
    if (!this.#isClosed) this.#lines.close();
    process.stdout.write(PASTES_OFF);
  }

  #onLine(text: string): void {
    const line = { text, isPasted: this.#isPasting };
    if (this.#wanted !== undefined) return this.#resolve(line);
    if (this.#queue.length < MAX_QUEUED_LINES) this.#queue.push(line);
  }

  #resolve(line: TypedLine | undefined): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.(line);
  }

  /** Saves or removes the line that readline has just added to its history. */
  #remember(lines: string[]): void {
    const [latest] = lines;
    if (latest === undefined) return;
    if (this.#options.remembers()) this.#options.onRemember(latest);
    else lines.shift();
  }

  #interrupt(): void {
    const isLineEmpty = this.#lines.line === '';
    const isAsking = this.#wanted === undefined;
    if (!isAsking && !isLineEmpty) {
      this.#lines.write(null, { ctrl: true, name: 'e' });
      this.#lines.write(null, { ctrl: true, name: 'u' });
    }
    this.#options.onInterrupt(isLineEmpty);
    if (isAsking) return;
    // An empty line shows the prompt again. An incomplete message is dropped, too.
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.({ text: '', isPasted: false });
  }

  #onKeypress(name: string | undefined): void {
    if (name === 'paste-start') this.#isPasting = true;
    if (name === 'paste-end') this.#isPasting = false;
    if (this.#placeholder === '') return;
    this.#placeholder = '';
    process.stdout.write(CLEAR_BEHIND);
  }

  #showPlaceholder(text: string): void {
    const { columns } = process.stdout;
    const isRoom = columns === 0 || columns > PROMPT.length + text.length;
    if (this.#lines.line !== '' || !isRoom) return;
    this.#placeholder = text;
    process.stdout.write(`${GREY}${text}${PLAIN}\u001b[${text.length}D`);
  }
}
