import { createInterface, type Interface } from 'node:readline/promises';
import type { LocalLlmHost } from '@shoal/client/localllm';
import { EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { MutedOutput } from '../terminal/muted-output.ts';
import { answer, isHostGone } from './chat-answer.ts';
import type { Interrupts } from './interrupts.ts';

const CLEAR_SCREEN = '\u001b[2J\u001b[3J\u001b[H';

const HELP = [
  'The host does not remember earlier prompts.',
  '/clear  clear the screen',
  '/help   show this help',
  '/quit   leave; Ctrl-C stops an answer, or leaves',
];

/** A chat at a terminal. It ends when the person leaves or the host is gone. */
export class TerminalChat {
  readonly #context: Context;
  readonly #host: LocalLlmHost;
  readonly #interrupts: Interrupts;
  readonly #output = new MutedOutput();
  readonly #lines: Interface;
  readonly #leaving: Promise<undefined>;

  constructor(context: Context, host: LocalLlmHost, interrupts: Interrupts) {
    this.#context = context;
    this.#host = host;
    this.#interrupts = interrupts;
    this.#lines = createInterface({ input: process.stdin, output: this.#output, terminal: true });
    // In raw mode Ctrl-C is a key, and Ctrl-D closes the input.
    this.#lines.on('SIGINT', () => interrupts.interrupt());
    this.#lines.on('close', () => interrupts.leave());
    this.#leaving = new Promise((resolve) => {
      interrupts.left.addEventListener('abort', () => resolve(undefined));
    });
  }

  async run(): Promise<number> {
    process.stderr.write('Type a prompt, or /help for commands.\n');
    try {
      for (;;) {
        const line = await this.#nextLine();
        if (line === undefined) return EXIT.ok;
        if (!(await this.#runLine(line.trim()))) return EXIT.failed;
      }
    } finally {
      this.#lines.close();
    }
  }

  /** Returns the next line; undefined if the person leaves. */
  async #nextLine(): Promise<string | undefined> {
    if (this.#interrupts.left.aborted) return undefined;
    const line = await Promise.race([this.#leaving, this.#lines.question('> ')]);
    // The line that was being typed is not sent.
    if (line === undefined) process.stdout.write('\n');
    return line;
  }

  /** Resolves with false if the host is gone. */
  async #runLine(line: string): Promise<boolean> {
    if (line === '') return true;
    if (line === '/quit') this.#interrupts.leave();
    else if (line === '/clear') process.stdout.write(CLEAR_SCREEN);
    else if (line === '/help') process.stderr.write(`${HELP.join('\n')}\n`);
    else if (/^\/[a-z]+$/.test(line)) process.stderr.write(`There is no ${line}. Type /help for commands.\n`);
    else return this.#ask(line);
    return true;
  }

  async #ask(prompt: string): Promise<boolean> {
    this.#output.isMuted = true;
    try {
      const outcome = await this.#interrupts.during((signal) => answer(this.#context, this.#host, prompt, signal));
      return !('error' in outcome && isHostGone(outcome.error));
    } finally {
      this.#output.isMuted = false;
    }
  }
}
