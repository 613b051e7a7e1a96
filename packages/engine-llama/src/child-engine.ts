import { setImmediate } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol';
import { Batcher } from './batcher.ts';
import { Embedder, Embedding } from './embedder.ts';
import { describeFailure, Generation } from './generation.ts';
import type { FromChild, GenerateOrder, LoadOrder, News, ToChild } from './messages.ts';
import { loadModel, type Log, type Model } from './model.ts';

/** So often the parent hears of us while there are answers, whether or not there is anything to say. */
const SIGN_OF_LIFE_MS = 1_000;

interface Ready {
  readonly model: Model;
  readonly batcher: Batcher;
  readonly embedder: Embedder;
}

/** The child's side of the conversation: one model, and the answers that are under way. */
export class Host {
  readonly #send: (message: FromChild) => void;
  readonly #answers = new Map<number, Generation | Embedding>();
  #ready: Ready | undefined;
  #outbox: News[] = [];
  #isPosting = false;
  #heardAt = 0;
  #life: NodeJS.Timeout | undefined;

  constructor(send: (message: FromChild) => void) {
    this.#send = send;
  }

  async handle(message: ToChild): Promise<void> {
    switch (message.type) {
      case 'load':
        return this.#load(message.order);
      case 'generate':
        return this.#start(message.id, message.order);
      case 'taken': {
        const answer = this.#answers.get(message.id);
        if (answer instanceof Generation) answer.taken(message.tokens);
        this.#ready?.batcher.wake();
        return;
      }
      case 'abort': {
        const answer = this.#answers.get(message.id);
        if (answer !== undefined) answer.aborted = true;
        this.#forget(message.id);
        this.#ready?.batcher.wake();
        return;
      }
    }
  }

  async #load(order: LoadOrder): Promise<void> {
    try {
      const log: Log = (level, text) => this.#send({ type: 'log', level, text });
      const model = await loadModel(order, log, (work) => this.#watched(work));
      this.#ready = {
        model,
        batcher: new Batcher(model, () => this.#showLife()),
        embedder: new Embedder(model),
      };
      this.#send({ type: 'loaded', model: model.loaded });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'refused', reason: error instanceof ShoalError ? why : `llama.cpp refused it (${why}).` });
    }
  }

  #start(id: number, order: GenerateOrder): Promise<void> | void {
    if (this.#ready === undefined) throw new Error('The parent sent a request before the model was loaded.');
    const { model, batcher, embedder } = this.#ready;
    const tell = (news: News) => this.#tell(news);
    try {
      if (order.input.type === 'embeddings') {
        const embedding = new Embedding(embedder, id, order.input.texts, tell);
        this.#keep(id, embedding);
        return this.#embed(id, embedding);
      }
      const generation = new Generation(model, id, order, tell);
      this.#keep(id, generation);
      batcher.submit(generation);
    } catch (error) {
      tell({ type: 'failed', id, ...describeFailure(error) });
    }
  }

  async #embed(id: number, embedding: Embedding): Promise<void> {
    try {
      for (let index = 0; !embedding.aborted && embedding.step(index); index++) await setImmediate();
    } catch (error) {
      this.#tell({ type: 'failed', id, ...describeFailure(error) });
    }
  }

  /** While there are answers the parent hears of us, even where all of them wait for those who asked. */
  #keep(id: number, answer: Generation | Embedding): void {
    this.#answers.set(id, answer);
    this.#life ??= setInterval(() => this.#showLife(), SIGN_OF_LIFE_MS);
  }

  #forget(id: number): void {
    this.#answers.delete(id);
    if (this.#answers.size > 0) return;
    clearInterval(this.#life);
    this.#life = undefined;
  }

  /** All that is told in one go leaves as one message. */
  #tell(news: News): void {
    if (news.type === 'finish' || news.type === 'failed') this.#forget(news.id);
    this.#outbox.push(news);
    if (this.#isPosting) return;
    this.#isPosting = true;
    queueMicrotask(() => {
      this.#isPosting = false;
      this.#post();
    });
  }

  /** A chat template may never come to an end: the parent ends us then. */
  #watched<Value>(work: () => Value): Value {
    this.#send({ type: 'template', is: 'running' });
    try {
      return work();
    } finally {
      this.#send({ type: 'template', is: 'done' });
    }
  }

  #showLife(): void {
    if (performance.now() - this.#heardAt > SIGN_OF_LIFE_MS) this.#post();
  }

  #post(): void {
    this.#heardAt = performance.now();
    const items = this.#outbox;
    this.#outbox = [];
    const memoryBytes = items.some(({ type }) => type === 'finish') ? this.#ready?.model.memoryBytes() : undefined;
    this.#send({ type: 'news', items, memoryBytes });
  }
}
