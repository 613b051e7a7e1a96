import { setImmediate } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol/error';
import { Batcher } from './batcher.ts';
import { EmbeddingContext, EmbeddingTask } from './embedding.ts';
import { describeFailure, Generation } from './generation.ts';
import type { FromChild, GenerateRequest, LoadRequest, RequestEvent, ToChild } from './messages.ts';
import { loadModel, type Log, type Model } from './model.ts';
import { encodeRequest } from './prompt.ts';
import type { Heartbeat } from './heartbeat.ts';

interface Loaded {
  readonly model: Model;
  readonly batcher: Batcher;
  readonly embeddings: EmbeddingContext;
}

export interface ChildOptions {
  readonly send: (message: FromChild) => void;
  readonly heartbeat: Heartbeat;
  /** True if this process cannot use a network. */
  readonly isOffline: boolean;
}

/** The child's side: one model and the requests that run on it. */
export class ChildEngine {
  readonly #send: (message: FromChild) => void;
  readonly #heartbeat: Heartbeat;
  readonly #isOffline: boolean;
  readonly #tasks = new Map<number, Generation | EmbeddingTask>();
  #loaded: Loaded | undefined;
  #outbox: RequestEvent[] = [];
  #isPosting = false;

  constructor({ send, heartbeat, isOffline }: ChildOptions) {
    this.#send = send;
    this.#heartbeat = heartbeat;
    this.#isOffline = isOffline;
  }

  async handle(message: ToChild): Promise<void> {
    switch (message.type) {
      case 'load':
        return this.#load(message.request);
      case 'generate':
        return this.#start(message.id, message.request);
      case 'ack': {
        const task = this.#tasks.get(message.id);
        if (task instanceof Generation) task.acknowledge(message.tokens);
        this.#loaded?.batcher.wake();
        return;
      }
      case 'abort': {
        const task = this.#tasks.get(message.id);
        if (task !== undefined) task.aborted = true;
        this.#remove(message.id);
        this.#loaded?.batcher.wake();
        return;
      }
      default:
        message satisfies never;
    }
  }

  async #load(request: LoadRequest): Promise<void> {
    try {
      const log: Log = (level, text) => this.#send({ type: 'log', level, text });
      const model = await loadModel(request, { log, nodes: this.#heartbeat.nodes });
      if (model.loaded.device !== 'cpu') this.#heartbeat.waitsForCard();
      this.#loaded = {
        model,
        batcher: new Batcher(model, () => this.#heartbeat.step()),
        embeddings: new EmbeddingContext(model),
      };
      await this.#heartbeat.ready;
      const { loaded, template } = model;
      this.#send({ type: 'loaded', model: { ...loaded, isOffline: this.#isOffline }, template });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'refused', reason: error instanceof ShoalError ? why : `llama.cpp refused it (${why}).` });
    }
  }

  #start(id: number, request: GenerateRequest): Promise<void> | void {
    if (this.#loaded === undefined) throw new Error('The parent sent a request before the model was loaded.');
    const { model, batcher, embeddings } = this.#loaded;
    const emit = (event: RequestEvent) => this.#emit(event);
    try {
      if (request.countOnly === true) return this.#count(this.#loaded, id, request);
      if (request.input.type === 'embeddings') {
        const task = new EmbeddingTask(embeddings, id, request.input.texts, emit);
        this.#add(id, task);
        return this.#embed(id, task);
      }
      const generation = new Generation(model, id, request, emit);
      this.#add(id, generation);
      batcher.submit(generation);
    } catch (error) {
      emit({ type: 'failed', id, ...describeFailure(error) });
    }
  }

  /** Counts the tokens of a prompt at once, beside the answers of the batcher. */
  #count({ model, embeddings }: Loaded, id: number, request: GenerateRequest): void {
    const { input } = request;
    const promptTokens =
      input.type === 'embeddings'
        ? embeddings.tokenize(input.texts).reduce((sum, tokens) => sum + tokens.length, 0)
        : encodeRequest(model.native.vocabulary, request).prompt.length;
    this.#emit({ type: 'started', id, promptTokens, cachedTokens: 0 });
    this.#emit({ type: 'finish', id, reason: 'stop', rawReason: 'count', completionTokens: 0 });
  }

  async #embed(id: number, task: EmbeddingTask): Promise<void> {
    try {
      for (let index = 0; !task.aborted && task.step(index); index++) {
        this.#heartbeat.step();
        await setImmediate();
      }
    } catch (error) {
      this.#emit({ type: 'failed', id, ...describeFailure(error) });
    }
  }

  #add(id: number, task: Generation | EmbeddingTask): void {
    this.#tasks.set(id, task);
    this.#heartbeat.watch(true);
  }

  #remove(id: number): void {
    this.#tasks.delete(id);
    this.#heartbeat.watch(this.#tasks.size > 0);
  }

  /** Events of one turn of the event loop leave in one message. */
  #emit(event: RequestEvent): void {
    if (event.type === 'finish' || event.type === 'failed') this.#remove(event.id);
    this.#outbox.push(event);
    if (this.#isPosting) return;
    this.#isPosting = true;
    queueMicrotask(() => {
      this.#isPosting = false;
      this.#post();
    });
  }

  #post(): void {
    const items = this.#outbox;
    this.#outbox = [];
    const memoryBytes = items.some(({ type }) => type === 'finish') ? this.#loaded?.model.memoryBytes() : undefined;
    this.#send({ type: 'events', items, memoryBytes });
  }
}
