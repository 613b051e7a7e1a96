import type { Chat, RenderedChat } from '@shoal/chat';
import { engineClosed } from '@shoal/engine/child-process/errors';
import type { TemplateSource } from './messages.ts';
import { RenderingProcess } from './rendering-process.ts';

/**
 * Renders the chats of one loaded model in a process of their own, one after the other. A template that ends the process loses
 * its own request only: the next one starts another process.
 */
export class TemplateHost {
  readonly #cacheDirectory: string | undefined;
  #source: TemplateSource | undefined;
  #running: RenderingProcess;
  #last: Promise<unknown> = Promise.resolve();
  #isEnded = false;

  /** Starts the process, while the model is loaded. */
  constructor(cacheDirectory: string | undefined) {
    this.#cacheDirectory = cacheDirectory;
    this.#running = new RenderingProcess(cacheDirectory);
  }

  /** Resolves with true if the template supports reasoning. Rejects with `INVALID_REQUEST` if it cannot be used. */
  async compile(source: TemplateSource): Promise<boolean> {
    const reasons = await this.#running.compile(source);
    this.#source = source;
    return reasons;
  }

  /** True if chats can be rendered. */
  get isReady(): boolean {
    return this.#source !== undefined;
  }

  /**
   * Rejects with `INVALID_REQUEST` if the template refuses the chat, or takes too long or too much memory. Resolves with undefined
   * if the chat is not wanted any more when its turn has come.
   */
  render(chat: Chat, isWanted: () => boolean): Promise<RenderedChat | undefined> {
    const turn = this.#last.then(async () => (isWanted() ? (await this.#ready()).render(chat) : undefined));
    // A failure belongs to its own request.
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#running.end();
  }

  async #ready(): Promise<RenderingProcess> {
    if (this.#isEnded) throw engineClosed();
    if (this.#running.hasEnded && this.#source !== undefined) {
      this.#running = new RenderingProcess(this.#cacheDirectory);
      await this.#running.compile(this.#source);
    }
    return this.#running;
  }
}
