import type { LocalLlmHost } from '@shoal/client/localllm';
import { printableText } from '@shoal/host/printable';
import type { InferenceRequest } from '@shoal/protocol/request';
import { EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { emptyConversation } from '../run/conversation.ts';
import { InputHistory } from '../run/input-history.ts';
import { printLines, type SessionAction } from '../run/session-action.ts';
import { RunSession } from '../run/session.ts';
import { TerminalLines } from '../run/terminal-lines.ts';
import { answer, isHostGone } from './chat-answer.ts';
import { conversationPrompt } from './conversation-prompt.ts';
import type { Interrupts } from './interrupts.ts';

const NOT_POSSIBLE = 'That is not possible with a shared model: its host chooses and describes it.';
/** Settings that the dialect does not carry. */
const UNSENT_SETTING = /^\s*\/set\s+(?:parameter|format|noformat)\b/;

/**
 * A chat at a terminal, with the editing and the commands of `shoal run`. It ends when the person leaves or the host
 * is gone. The conversation is sent again with each message, because a host does not remember it.
 */
export class TerminalChat {
  readonly #context: Context;
  readonly #host: LocalLlmHost;
  readonly #interrupts: Interrupts;
  readonly #session: RunSession;
  #isBusy = false;

  constructor(context: Context, host: LocalLlmHost, interrupts: Interrupts) {
    this.#context = context;
    this.#host = host;
    this.#interrupts = interrupts;
    const display = { wordWrap: false, verbose: false, history: true };
    this.#session = new RunSession(emptyConversation(host.host.model), display);
  }

  async run(): Promise<number> {
    const history = new InputHistory(this.#context.home, (line) => process.stderr.write(`${line}\n`));
    const lines = new TerminalLines({
      history: await history.lines(),
      remembers: () => this.#session.display.history,
      onRemember: (line) => history.remember(line),
      onInterrupt: (isLineEmpty) => this.#interrupted(isLineEmpty),
    });
    const close = (): void => lines.close();
    this.#interrupts.left.addEventListener('abort', close);
    try {
      return await this.#readLines(lines);
    } finally {
      this.#interrupts.left.removeEventListener('abort', close);
      lines.close();
      await history.written();
    }
  }

  async #readLines(lines: TerminalLines): Promise<number> {
    for (;;) {
      const line = this.#interrupts.left.aborted ? undefined : await lines.next(this.#session.isOpen);
      if (line === undefined) {
        process.stdout.write('\n');
        return EXIT.ok;
      }
      const actions = UNSENT_SETTING.test(line.text)
        ? [printLines(NOT_POSSIBLE)]
        : this.#session.line(line.text, line.isPasted);
      const end = await lines.mute(() => this.#perform(actions));
      if (end !== undefined) return end;
    }
  }

  /** During an answer Ctrl-C stops it. Otherwise it drops what was typed, or leaves. */
  #interrupted(isLineEmpty: boolean): void {
    const isTyping = !this.#isBusy && (!isLineEmpty || this.#session.isOpen);
    this.#session.interrupt();
    if (isTyping) process.stdout.write('\n');
    else this.#interrupts.interrupt();
  }

  /** Returns the exit code if the chat ends. */
  async #perform(actions: readonly SessionAction[]): Promise<number | undefined> {
    for (const action of actions) {
      switch (action.type) {
        case 'exit':
          return EXIT.ok;
        case 'print':
          process.stdout.write(`${printableText(action.lines.join('\n'))}\n`);
          break;
        case 'generate':
          if (await this.#ask(action.request)) return EXIT.failed;
          break;
        case 'show':
        case 'load':
        case 'reload':
        case 'save':
          process.stdout.write(`${NOT_POSSIBLE}\n`);
          break;
        default:
          action satisfies never;
      }
    }
    return undefined;
  }

  /** Returns true if the host is gone. */
  async #ask({ input }: InferenceRequest): Promise<boolean> {
    const prompt = input.type === 'messages' ? conversationPrompt(input.messages) : '';
    this.#isBusy = true;
    try {
      const outcome = await this.#interrupts.during((signal) => answer(this.#context, this.#host, prompt, signal));
      if ('error' in outcome) {
        this.#session.failed();
        return isHostGone(outcome.error);
      }
      // The text before Ctrl-C stays in the conversation.
      if (outcome.reason === 'abort' && outcome.text === '') this.#session.failed();
      else this.#session.answered(outcome.text);
      return false;
    } finally {
      this.#isBusy = false;
    }
  }
}
