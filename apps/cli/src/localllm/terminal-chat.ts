import { createInterface, type Interface } from 'node:readline/promises';
import type { LocalLlmHost } from '@shoal/client/localllm';
import { ShoalError } from '@shoal/protocol';
import { EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { Echo } from '../terminal/muted-output.ts';
import { describeError } from './advice.ts';
import { answer } from './chat-answer.ts';
import type { Interrupts } from './interrupts.ts';

const CLEAR_SCREEN = '\u001b[2J\u001b[3J\u001b[H';

const HELP = [
  'Each prompt stands for itself: the host remembers none of the others.',
  '/clear  an empty screen',
  '/help   this',
  '/quit   leave; so does Ctrl-C, which stops an answer first',
];

/** A chat with somebody at a terminal, until they leave or the host does. */
export class TerminalChat {
  readonly #context: Context;
  readonly #host: LocalLlmHost;
  readonly #interrupts: Interrupts;
  readonly #echo = new Echo();
  readonly #lines: Interface;
  readonly #leaving: Promise<undefined>;

  constructor(context: Context, host: LocalLlmHost, interrupts: Interrupts) {
    this.#context = context;
    this.#host = host;
    this.#interrupts = interrupts;
    this.#lines = createInterface({ input: process.stdin, output: this.#echo, terminal: true });
    // In a terminal that sends single keys Ctrl-C is no signal, and Ctrl-D is the end of the input.
    this.#lines.on('SIGINT', () => interrupts.interrupt());
    this.#lines.on('close', () => interrupts.leave());
    this.#leaving = new Promise((resolve) => {
      interrupts.left.addEventListener('abort', () => resolve(undefined));
    });
  }

  async run(): Promise<number> {
    process.stderr.write('Ask away; /help says what else there is.\n');
    try {
      for (;;) {
        const line = await this.#nextLine();
        if (line === undefined) return EXIT.ok;
        if (line instanceof ShoalError) return this.#fail(line);
        const lost = await this.#obey(line.trim());
        if (lost !== undefined) return EXIT.failed;
      }
    } finally {
      this.#lines.close();
    }
  }

  /** Undefined where the person leaves, the error where the host does. */
  async #nextLine(): Promise<string | ShoalError | undefined> {
    if (this.#interrupts.left.aborted) return undefined;
    const line = await Promise.race([this.#leaving, this.#host.lost, this.#lines.question('> ')]);
    // What stood behind the prompt was not sent.
    if (typeof line !== 'string') process.stdout.write('\n');
    return line;
  }

  /** The error where the host is gone. */
  async #obey(line: string): Promise<ShoalError | undefined> {
    if (line === '') return undefined;
    if (line === '/quit') this.#interrupts.leave();
    else if (line === '/clear') process.stdout.write(CLEAR_SCREEN);
    else if (line === '/help') process.stderr.write(`${HELP.join('\n')}\n`);
    else if (/^\/[a-z]+$/.test(line)) process.stderr.write(`There is no ${line}; /help says what there is.\n`);
    else return this.#ask(line);
    return undefined;
  }

  async #ask(prompt: string): Promise<ShoalError | undefined> {
    this.#echo.isMuted = true;
    try {
      const outcome = await this.#interrupts.during((signal) => answer(this.#context, this.#host, prompt, signal));
      return 'error' in outcome && outcome.error.code === 'HOST_DISCONNECTED' ? outcome.error : undefined;
    } finally {
      this.#echo.isMuted = false;
    }
  }

  #fail(error: ShoalError): number {
    process.stderr.write(`${describeError(error)}\n`);
    return EXIT.failed;
  }
}
