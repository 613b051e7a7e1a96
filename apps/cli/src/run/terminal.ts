import type { Logger } from '@shoal/host/log';
import { printableText } from '@shoal/host/printable';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { Interrupts } from '../localllm/interrupts.ts';
import { count } from '../terminal/output.ts';
import { describeModel } from './describe-model.ts';
import type { SessionAction } from './session-action.ts';
import { AnswerText } from './answer-text.ts';
import type { ModelChoice } from './choose-model.ts';
import { emptyConversation } from './conversation.ts';
import { InputHistory } from './input-history.ts';
import { findConversation, saveNamedConversation } from './saved-conversations.ts';
import { openModel, type ReadyModel } from './open-model.ts';
import { remarkOn, generateAnswer, timings } from './run-answer.ts';
import type { RunningModel } from './running-model.ts';
import type { RunSession } from './session.ts';
import { TerminalLines } from './terminal-lines.ts';

export interface TerminalRunOptions {
  readonly session: RunSession;
  readonly interrupts: Interrupts;
  readonly choice: ModelChoice;
  readonly log: Logger;
  /** Finds another model. `contextLength`: in tokens; default: the model’s. */
  readonly choose: (name: string, signal: AbortSignal, contextLength?: number) => Promise<ModelChoice>;
}

/** A conversation at a terminal. It opens its model, and closes it at the end. */
export class TerminalRun {
  readonly #context: Context;
  readonly #options: TerminalRunOptions;
  readonly #session: RunSession;
  readonly #interrupts: Interrupts;
  #choice: ModelChoice;
  #model: RunningModel | undefined;
  /** Load time that has not been shown yet. */
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
      this.#printIntroduction();
      await this.#readLines();
      return EXIT.ok;
    } finally {
      await this.#model?.close();
    }
  }

  #printIntroduction(): void {
    const { node } = this.#choice;
    const { length } = this.#session.conversation.messages;
    const where = `The node ${node} answers, or a peer of its clusters with the same model. --here loads the model locally.`;
    if (node !== undefined) process.stderr.write(`${where}\n`);
    if (length > 0) process.stderr.write(`This conversation continues. It has ${count(length, 'message')}.\n`);
  }

  async #readLines(): Promise<void> {
    const history = new InputHistory(this.#context.home, (line) => this.#options.log.warn(line));
    const lines = new TerminalLines({
      history: await history.lines(),
      remembers: () => this.#session.display.history,
      onRemember: (line) => history.remember(line),
      onInterrupt: (isLineEmpty) => this.#interrupted(isLineEmpty),
    });
    const close = (): void => lines.close();
    this.#interrupts.left.addEventListener('abort', close);
    try {
      for (;;) {
        const line = this.#interrupts.left.aborted ? undefined : await lines.next(this.#session.isOpen);
        if (line === undefined) return void process.stdout.write('\n');
        const actions = this.#session.line(line.text, line.isPasted);
        if (await lines.mute(() => this.#perform(actions))) return;
      }
    } finally {
      this.#interrupts.left.removeEventListener('abort', close);
      lines.close();
      await history.written();
    }
  }

  #interrupted(isLineEmpty: boolean): void {
    if (this.#isBusy) return this.#interrupts.interrupt();
    process.stdout.write(isLineEmpty && !this.#session.isOpen ? '\nUse Ctrl + d or /bye to exit.\n' : '\n');
    this.#session.interrupt();
  }

  /** Returns true after `exit`. */
  async #perform(actions: readonly SessionAction[]): Promise<boolean> {
    for (const action of actions) {
      if (action.type === 'exit') return true;
      this.#isBusy = true;
      try {
        await this.#interrupts.during((signal) => this.#performOne(action, signal));
      } catch (error) {
        this.#failed(ShoalError.from(error));
      } finally {
        this.#isBusy = false;
      }
    }
    return false;
  }

  async #performOne(action: Exclude<SessionAction, { type: 'exit' }>, signal: AbortSignal): Promise<void> {
    switch (action.type) {
      case 'print':
        return writeLines(action.lines);
      case 'show':
        return writeLines(await describeModel(this.#choice, action.what));
      case 'generate':
        return this.#ask(action.request, signal);
      case 'load':
        return this.#load(action.model, signal);
      case 'reload':
        return this.#reload(action.contextLength, signal);
      case 'save':
        await saveNamedConversation(this.#context, action.name, this.#session.conversation);
        return writeLines([`Saved this conversation as '${action.name}'. Continue it with: shoal run ${action.name}`]);
      default:
        action satisfies never;
    }
  }

  async #ask(request: InferenceRequest, signal: AbortSignal): Promise<void> {
    const { wordWrap, verbose } = this.#session.display;
    const model = await this.#opened(signal);
    const text = new AnswerText(wordWrap);
    try {
      const answer = await generateAnswer(model, request, signal, (piece) => text.write(piece));
      text.end();
      // The text before Ctrl-C stays in the conversation.
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

  /** Returns the model. Loads it again if the last reload failed. */
  async #opened(signal: AbortSignal): Promise<RunningModel> {
    if (this.#model !== undefined) return this.#model;
    return this.#use(this.#choice, await this.#open(this.#choice, signal));
  }

  async #load(name: string, signal: AbortSignal): Promise<void> {
    const saved = await findConversation(this.#context, name);
    const contextLength = saved?.parameters.numbers.num_ctx;
    const choice = await this.#options.choose(saved?.model ?? name, signal, contextLength);
    await this.#replaceModel(choice, signal, contextLength);
    this.#session.loaded(saved === undefined ? emptyConversation(choice.name) : { ...saved, model: choice.name });
    writeLines([`Loaded ${saved === undefined ? choice.name : `'${name}'`}`]);
  }

  async #reload(contextLength: number, signal: AbortSignal): Promise<void> {
    if (this.#choice.node !== undefined) {
      throw ShoalError.invalidRequest(
        `The node ${this.#choice.node} has loaded this model with its own context length. Load it separately with "shoal run --here".`,
      );
    }
    await this.#replaceModel(this.#choice, signal, contextLength);
    this.#session.reloaded(contextLength);
    writeLines([`Set parameter 'num_ctx' to '${contextLength}'; the model was loaded again.`]);
  }

  /** Closes the old model first, because memory may be too small for both. */
  async #replaceModel(choice: ModelChoice, signal: AbortSignal, contextLength?: number): Promise<void> {
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

  /** Reports an error. The conversation continues without the failed question. */
  #failed(error: ShoalError): void {
    this.#session.failed();
    const advice =
      error.code === 'CONTEXT_EXCEEDED'
        ? ' Type /clear to begin a new conversation, or set a longer context with /set parameter num_ctx.'
        : '';
    process.stderr.write(`shoal: ${printableText(error.message)}${advice}\n`);
    if (error.code === 'INTERNAL') this.#options.log.error({ err: error.cause }, error.message);
  }
}

function writeLines(lines: readonly string[]): void {
  process.stdout.write(`${printableText(lines.join('\n'))}\n`);
}
