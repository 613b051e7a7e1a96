import type { Chat, RenderedChat } from '@shoal/chat';
import { engineClosed } from '@shoal/engine/child-process/errors';
import { ShoalError } from '@shoal/protocol/error';
import { forkChild } from '../fork-child.ts';
import { GUARD_MARK } from './guard.ts';
import type { FromTemplate, TemplateSource, ToTemplate } from './messages.ts';

/** The parent's side of a process that renders a chat template. It takes one message at a time. */
export class RenderingProcess {
  readonly #process: ReturnType<typeof forkChild>;
  readonly #gone: Promise<ShoalError>;
  #isEnding = false;
  #answer: PromiseWithResolvers<FromTemplate> | undefined;

  constructor(cacheDirectory: string | undefined) {
    this.#process = forkChild('template-child', cacheDirectory);
    this.#gone = this.#process.child.ended.then((how) => this.#reason(how));
    this.#process.fork.on('message', (answer: FromTemplate) => this.#answer?.resolve(answer));
  }

  get hasEnded(): boolean {
    return this.#process.child.hasEnded;
  }

  /** Resolves with true if the template supports reasoning. Rejects with `INVALID_REQUEST` if it cannot be used. */
  async compile(source: TemplateSource): Promise<boolean> {
    const answer = await this.#exchange({ type: 'compile', source });
    return answer.type === 'compiled' && answer.reasons;
  }

  /** Rejects with `INVALID_REQUEST` if the template refuses the chat, or has ended the process. */
  async render(chat: Chat): Promise<RenderedChat> {
    const answer = await this.#exchange({ type: 'render', chat });
    if (answer.type === 'rendered') return answer.chat;
    throw new Error('The process that renders chat templates sent another answer.');
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#process.child.end();
  }

  async #exchange(message: ToTemplate): Promise<FromTemplate> {
    const answer = Promise.withResolvers<FromTemplate>();
    this.#answer = answer;
    if (this.#process.fork.connected) this.#process.fork.send(message);
    const received = await Promise.race([answer.promise, this.#gone]);
    if (received instanceof ShoalError) throw received;
    if (received.type === 'refused') throw new ShoalError(received.code, received.message);
    return received;
  }

  #reason(how: string): ShoalError {
    if (this.#isEnding) return engineClosed();
    const { lastOutput } = this.#process.child;
    const at = lastOutput.lastIndexOf(GUARD_MARK);
    const why = at === -1 ? `crashes (${how})` : lastOutput.slice(at + GUARD_MARK.length);
    return ShoalError.invalidRequest(`The model's chat template ${why}.`);
  }
}
