import type { Logger } from '@shoal/host/log';
import { printableText } from '@shoal/host/printable';
import { type InferenceRequest, ShoalError } from '@shoal/protocol';
import { EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { Interrupts } from '../localllm/interrupts.ts';
import { count } from '../terminal/output.ts';
import { describeModel } from './describe-model.ts';
import type { Action } from './session-action.ts';
import { AnswerText } from './answer-text.ts';
import type { ModelChoice } from './choose-model.ts';
import { emptyConversation } from './conversation.ts';
import { InputHistory } from './input-history.ts';
import { findConversation, keepConversation } from './saved-conversations.ts';
import { openModel, type ReadyModel } from './open-model.ts';
import { remarkOn, reply, timings } from './run-answer.ts';
import type { RunningModel } from './running-model.ts';
import type { Session } from './session.ts';
import { TerminalLines } from './terminal-lines.ts';

export interface TerminalRunOptions {
  readonly session: Session;
  readonly interrupts: Interrupts;
  readonly choice: ModelChoice;
  readonly log: Logger;
  /** Finds another model, for a context of so many tokens if that is said. */
  readonly choose: (name: string, signal: AbortSignal, contextLength?: number) => Promise<ModelChoice>;
}

/** A conversation with somebody at a terminal, until they leave. It opens its model, and closes it at the end. */
export class TerminalRun {
  readonly #context: Context;
  readonly #options: TerminalRunOptions;
  readonly #session: Session;
  readonly #interrupts: Interrupts;
  #choice: ModelChoice;
  #model: RunningModel | undefined;
  /** Of the model since it was last told. */
  #loadMs: number | undefined;
  #isBusy = false;

  constructor(context: Context, options: TerminalRunOptions) {
    this.#context = context;
    this.#options = options;
    this.#session = options.session;
    this.#interrupts = options.interrupts;
    this.#choice = options.choice;
  }

  async run(): Promise<number> {
    try {
      this.#use(this.#choice, await this.#open(this.#choice));
      this.#greet();
      await this.#converse();
      return EXIT.ok;
    } finally {
      await this.#model?.close();
    }
  }

  #greet(): void {
    const { node } = this.#choice;
    const { length } = this.#session.conversation.messages;
    const where = `The node ${node} answers, or a peer of its clusters that lends the same model. --here asks neither.`;
    if (node !== undefined) process.stderr.write(`${where}\n`);
    if (length > 0) process.stderr.write(`This conversation goes on: it has ${count(length, 'message')}.\n`);
  }

  async #converse(): Promise<void> {
    const history = new InputHistory(this.#context.home, (line) => this.#options.log.warn(line));
    const lines = new TerminalLines({
      history: await history.lines(),
      remembers: () => this.#session.manners.history,
      onRemember: (line) => history.remember(line),
      onInterrupt: (isLineEmpty) => this.#interrupted(isLineEmpty),
    });
    const leave = (): void => lines.close();
    this.#interrupts.left.addEventListener('abort', leave);
    try {
      for (;;) {
        const line = this.#interrupts.left.aborted ? undefined : await lines.next(this.#session.isOpen);
        if (line === undefined) return void process.stdout.write('\n');
        const actions = this.#session.line(line.text, line.isPasted);
        if (await lines.hush(() => this.#carryOut(actions))) return;
      }
    } finally {
      this.#interrupts.left.removeEventListener('abort', leave);
      lines.close();
      await history.written();
    }
  }

  #interrupted(isLineEmpty: boolean): void {
    if (this.#isBusy) return this.#interrupts.interrupt();
    process.stdout.write(isLineEmpty && !this.#session.isOpen ? '\nUse Ctrl + d or /bye to exit.\n' : '\n');
    this.#session.interrupt();
  }

  /** True where it is time to leave. */
  async #carryOut(actions: readonly Action[]): Promise<boolean> {
    for (const action of actions) {
      if (action.type === 'leave') return true;
      this.#isBusy = true;
      try {
        await this.#interrupts.during((signal) => this.#do(action, signal));
      } catch (error) {
        this.#failed(ShoalError.from(error));
      } finally {
        this.#isBusy = false;
      }
    }
    return false;
  }

  async #do(action: Exclude<Action, { type: 'leave' }>, signal: AbortSignal): Promise<void> {
    switch (action.type) {
      case 'say':
        return tell(action.lines);
      case 'show':
        return tell(await describeModel(this.#choice, action.what));
      case 'ask':
        return this.#ask(action.request, signal);
      case 'load':
        return this.#load(action.model, signal);
      case 'reload':
        return this.#reload(action.contextLength, signal);
      case 'save':
        await keepConversation(this.#context, action.name, this.#session.conversation);
        return tell([`Saved this conversation as '${action.name}'. Go on with it later: shoal run ${action.name}`]);
      default:
        action satisfies never;
    }
  }

  async #ask(request: InferenceRequest, signal: AbortSignal): Promise<void> {
    const { wordWrap, verbose } = this.#session.manners;
    const model = await this.#opened(signal);
    const text = new AnswerText(wordWrap);
    try {
      const answer = await reply(model, request, signal, (piece) => text.write(piece));
      text.end();
      // What was said before Ctrl-C has been said.
      if (answer.finish.reason === 'abort' && answer.text === '') this.#session.failed();
      else this.#session.answered(answer.text);
      const remark = remarkOn(answer);
      if (remark !== undefined) process.stderr.write(`${remark}\n`);
      if (verbose) process.stderr.write(`\n${timings(answer, this.#loadMs).join('\n')}\n`);
      this.#loadMs = undefined;
    } catch (error) {
      text.end();
      throw error;
    }
    process.stdout.write('\n');
  }

  /** One that could not be loaded again is loaded once it is asked. */
  async #opened(signal: AbortSignal): Promise<RunningModel> {
    if (this.#model !== undefined) return this.#model;
    return this.#use(this.#choice, await this.#open(this.#choice, signal));
  }

  async #load(name: string, signal: AbortSignal): Promise<void> {
    const saved = await findConversation(this.#context, name);
    const contextLength = saved?.parameters.numbers.num_ctx;
    const choice = await this.#options.choose(saved?.model ?? name, signal, contextLength);
    await this.#exchange(choice, signal, contextLength);
    this.#session.loaded(saved === undefined ? emptyConversation(choice.name) : { ...saved, model: choice.name });
    tell([`Loaded ${saved === undefined ? choice.name : `'${name}'`}`]);
  }

  async #reload(contextLength: number, signal: AbortSignal): Promise<void> {
    if (this.#choice.node !== undefined) {
      throw ShoalError.invalidRequest(
        `The node ${this.#choice.node} has this model in memory, with a context of its own. "shoal run --here" loads it apart.`,
      );
    }
    await this.#exchange(this.#choice, signal, contextLength);
    this.#session.reloaded(contextLength);
    tell([`Set parameter 'num_ctx' to '${contextLength}'; the model was loaded again.`]);
  }

  /** The old one leaves memory first, because both might not fit. */
  async #exchange(choice: ModelChoice, signal: AbortSignal, contextLength?: number): Promise<void> {
    const old = this.#model;
    this.#model = undefined;
    await old?.close();
    this.#use(choice, await openModel(choice, signal, contextLength));
  }

  #open(choice: ModelChoice, signal = this.#interrupts.left): Promise<ReadyModel> {
    return openModel(choice, signal, this.#session.conversation.parameters.numbers.num_ctx);
  }

  #use(choice: ModelChoice, { model, loadMs }: ReadyModel): RunningModel {
    this.#choice = choice;
    this.#model = model;
    this.#loadMs = loadMs;
    return model;
  }

  /** What went wrong is no part of the conversation, which goes on. */
  #failed(error: ShoalError): void {
    this.#session.failed();
    const advice =
      error.code === 'CONTEXT_EXCEEDED' ? ' Type /clear to begin anew, or /set parameter num_ctx for more room.' : '';
    process.stderr.write(`Error: ${printableText(error.message)}${advice}\n`);
    if (error.code === 'INTERNAL') this.#options.log.error({ err: error.cause }, error.message);
  }
}

function tell(lines: readonly string[]): void {
  process.stdout.write(`${printableText(lines.join('\n'))}\n`);
}
