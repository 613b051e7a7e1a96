import { type InferenceEvent, type InferenceRequest, isTerminal, type ModelInfo, ShoalError } from '@shoal/protocol';
import { Answer } from './answer.ts';
import type { LoadedModel, LoadOrder, LogLevel, News } from './messages.ts';
import { type ChildNews, Supervisor } from './supervisor.ts';

/** What the consumer took is told to the child in lumps; must be less than the run-ahead. */
const TAKEN_LUMP_TOKENS = 16;

export interface RunnerOptions {
  /** The model's id. */
  readonly id: string;
  readonly order: LoadOrder;
  /** Throws what is wrong with the file, in words for its owner. */
  readonly checkFile: (path: string) => Promise<void>;
  readonly log: (level: LogLevel, text: string) => void;
}

/** One model in a process of its own, which starts when it is first wanted and can be put down at any time. */
export class Runner {
  readonly id: string;
  readonly slots: number;
  /** What is known of the model, loaded or not; undefined until it was loaded once. */
  known: LoadedModel | undefined;
  readonly #options: RunnerOptions;
  readonly #answers = new Map<number, Answer>();
  #supervisor: Supervisor;
  #lastId = 0;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.id = options.id;
    this.slots = options.order.slots;
    this.#supervisor = this.#supervise();
  }

  /** Requests that it works on, those that wait for a slot included. */
  get active(): number {
    return this.#answers.size;
  }

  get isResident(): boolean {
    return this.#supervisor.isRunning;
  }

  /** Resolves once the model is in memory. Rejects with a `ShoalError` that is meant for its owner. */
  async load(): Promise<ModelInfo> {
    return describe(this.id, await this.#supervisor.ready());
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    const id = ++this.#lastId;
    const answer = new Answer();
    const abort = () => answer.abort();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    this.#answers.set(id, answer);
    try {
      if (!answer.ended) void this.#begin(id, request, answer);
      let untold = 0;
      for (;;) {
        const event = await answer.take();
        if (event.type === 'text' || event.type === 'tool_call') untold += event.tokens.length;
        if (untold >= TAKEN_LUMP_TOKENS) {
          this.#supervisor.send({ type: 'taken', id, tokens: untold });
          untold = 0;
        }
        yield event;
        if (isTerminal(event)) return;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#answers.delete(id);
      if (answer.isRunning) this.#supervisor.send({ type: 'abort', id });
      this.#watch();
    }
  }

  /** Gives the memory back. What runs ends with `GENERATION_ABORTED`; the next request loads the model again. */
  async unload(): Promise<void> {
    const supervisor = this.#supervisor;
    this.#supervisor = this.#supervise();
    await supervisor.close();
  }

  async close(): Promise<void> {
    for (const answer of this.#answers.values()) fail(answer, ShoalError.aborted('The engine was closed.'));
    await this.#supervisor.close();
  }

  #supervise(): Supervisor {
    const { order, checkFile } = this.#options;
    return new Supervisor(order, checkFile, {
      loaded: (model, processId) => this.#greet(model, processId),
      message: (message) => this.#hear(message),
      lost: (error) => this.#lose(error),
    });
  }

  async #begin(id: number, request: InferenceRequest, answer: Answer): Promise<void> {
    try {
      await this.#supervisor.ready().catch((error: unknown) => {
        throw unavailable(error);
      });
      if (answer.ended) return;
      this.#supervisor.send({ type: 'generate', id, order: request });
      answer.isRunning = true;
      this.#watch();
    } catch (error) {
      fail(answer, ShoalError.from(error));
    }
  }

  /** A child that owes an answer says something now and then. */
  #watch(): void {
    this.#supervisor.expectsNews = [...this.#answers.values()].some(({ isRunning }) => isRunning);
  }

  #greet(model: LoadedModel, processId: number | undefined): void {
    this.known = model;
    const { contextLength, threads, device } = model;
    const how = `${this.slots} × ${contextLength} tokens, ${threads} threads, ${device}`;
    this.#options.log('info', `Model ${this.id} is loaded in process ${processId} (${how}).`);
  }

  #hear(message: ChildNews): void {
    if (message.type === 'log') return this.#options.log(message.level, message.text);
    const { memoryBytes } = message;
    if (this.known !== undefined && memoryBytes !== undefined) this.known = { ...this.known, memoryBytes };
    for (const news of message.items) this.#note(news);
    if (message.items.some(({ type }) => type === 'finish' || type === 'failed')) this.#watch();
  }

  #note(news: News): void {
    const answer = this.#answers.get(news.id);
    if (answer === undefined) return;
    switch (news.type) {
      case 'began':
        answer.promptTokens = news.promptTokens;
        answer.cachedTokens = news.cachedTokens;
        return;
      case 'said':
        for (const event of news.events) answer.push(event);
        return;
      case 'finish': {
        const { reason, rawReason, completionTokens } = news;
        const { promptTokens, cachedTokens } = answer;
        this.#supervisor.proven();
        answer.isRunning = false;
        const usage = { promptTokens, cachedTokens, completionTokens };
        return answer.end({ type: 'finish', reason, rawReason, usage, model: this.id });
      }
      case 'failed':
        answer.isRunning = false;
        if (news.detail !== undefined) this.#options.log('error', news.detail);
        return fail(answer, new ShoalError(news.code, news.message, { cause: news.detail }));
      default:
        news satisfies never;
    }
  }

  #lose(error: ShoalError): void {
    this.#options.log('error', typeof error.cause === 'string' ? `${error.message} (${error.cause})` : error.message);
    for (const answer of this.#answers.values()) {
      if (!answer.isRunning) continue;
      answer.isRunning = false;
      fail(answer, error);
    }
  }
}

export function describe(id: string, known: LoadedModel): ModelInfo {
  const { digest, contextLength, abilities, quantization } = known;
  return { id, digest, contextLength, abilities, quantization };
}

function fail(answer: Answer, error: ShoalError): void {
  answer.end({ type: 'error', error });
}

/** What is wrong with the model is for its owner: a peer only hears that it cannot have it. */
export function unavailable(error: unknown): ShoalError {
  const { code, retryAfterMs } = ShoalError.from(error);
  if (code === 'GENERATION_ABORTED') return ShoalError.aborted('The engine was closed.');
  return new ShoalError('GENERATION_FAILED', 'The model cannot be loaded at the moment.', {
    cause: error,
    retryAfterMs,
  });
}
