import { createInterface, type Interface, type Key } from 'node:readline';
import { Echo } from '../terminal/muted-output.ts';
import { MAX_HISTORY_LINES } from './input-history.ts';

/** Lines that are typed while an answer comes, for later. More are dropped. */
const MAX_WAITING_LINES = 256;

const PROMPT = '>>> ';
const PROMPT_WITHIN = '... ';
const PLACEHOLDER = 'Send a message (/? for help)';
const PLACEHOLDER_WITHIN = 'Use """ to end multi-line input';

const GREY = '\u001b[90m';
const PLAIN = '\u001b[0m';
const CLEAR_BEHIND = '\u001b[K';
/** A terminal that knows these says where a pasted text begins and ends. */
const PASTES_ON = '\u001b[?2004h';
const PASTES_OFF = '\u001b[?2004l';

export interface TypedLine {
  readonly text: string;
  /** More of the same pasted text follows. */
  readonly isPasted: boolean;
}

export interface TerminalLinesOptions {
  /** What was typed in earlier sessions, the latest first. */
  readonly history: string[];
  /** Whether what is typed now is to be remembered. */
  readonly remembers: () => boolean;
  readonly onRemember: (line: string) => void;
  /** Ctrl-C while `hush` holds, and otherwise on an empty line or one that is dropped by it. */
  readonly onInterrupt: (isLineEmpty: boolean) => void;
}

/** What somebody types at a terminal, line by line, with editing and history. */
export class TerminalLines {
  readonly #options: TerminalLinesOptions;
  readonly #echo = new Echo();
  readonly #lines: Interface;
  readonly #waiting: TypedLine[] = [];
  readonly #onKey = (_text: string | undefined, key: Key | undefined): void => this.#pressed(key?.name);
  #wanted: ((line: TypedLine | undefined) => void) | undefined;
  #isClosed = false;
  #isPasting = false;
  #placeholder = '';

  constructor(options: TerminalLinesOptions) {
    this.#options = options;
    const { history } = options;
    // Before readline's own, so that the placeholder is gone when a letter comes.
    process.stdin.prependListener('keypress', this.#onKey);
    this.#lines = createInterface({
      input: process.stdin,
      output: this.#echo,
      terminal: true,
      history,
      historySize: MAX_HISTORY_LINES,
    });
    this.#lines.on('line', (text) => this.#typed(text));
    this.#lines.on('history', (lines) => this.#remember(lines));
    this.#lines.on('SIGINT', () => this.#interrupt());
    this.#lines.on('close', () => {
      this.#isClosed = true;
      this.#settle(undefined);
    });
    process.stdout.write(PASTES_ON);
  }

  /** The next line; undefined once there will be none. `isWithin`: one more of a message that has begun. */
  next(isWithin: boolean): Promise<TypedLine | undefined> {
    const first = this.#waiting.shift();
    if (first !== undefined) {
      // It was typed unseen.
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

  /** Shows nothing of what is typed while something else is written. */
  async hush<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#echo.isMuted = true;
    try {
      return await work();
    } finally {
      this.#echo.isMuted = false;
    }
  }

  /** Ends the input, and with it the wait for a line. */
  close(): void {
    process.stdin.off('keypress', this.#onKey);
    if (!this.#isClosed) this.#lines.close();
    process.stdout.write(PASTES_OFF);
  }

  #typed(text: string): void {
    const line = { text, isPasted: this.#isPasting };
    if (this.#wanted !== undefined) return this.#settle(line);
    if (this.#waiting.length < MAX_WAITING_LINES) this.#waiting.push(line);
  }

  #settle(line: TypedLine | undefined): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.(line);
  }

  /** Readline has put it in front of the others already. */
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
    // Begins anew, because a message that was begun is dropped as well.
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.({ text: '', isPasted: false });
  }

  #pressed(name: string | undefined): void {
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
