import { ShoalError } from '@shoal/protocol';
import type { LlamaContextSequence } from 'node-llama-cpp';
import type { Piece } from '../stop-filter.ts';
import { type AnswerSink, generate } from './generation.ts';
import { type FromChild, type GenerateOrder, type LoadOrder, RUN_AHEAD_TOKENS, type ToChild } from './messages.ts';
import { loadModel, type Log, type Model } from './model.ts';
import { Rounds } from './rounds.ts';

/** The child's side of the conversation: one model, its slots, and the answers that are under way. */
export class Host {
  readonly #send: (message: FromChild) => void;
  readonly #answers = new Map<number, Answer>();
  readonly #waiting: ((sequence: LlamaContextSequence) => void)[] = [];
  readonly #rounds = new Rounds();
  #free: LlamaContextSequence[] = [];
  #model: Model | undefined;

  constructor(send: (message: FromChild) => void) {
    this.#send = send;
  }

  async handle(message: ToChild): Promise<void> {
    switch (message.type) {
      case 'load':
        return this.#load(message.order);
      case 'generate':
        return this.#generate(message.id, message.order);
      case 'taken':
        return this.#answers.get(message.id)?.taken(message.tokens);
      case 'abort':
        return this.#answers.get(message.id)?.abort();
    }
  }

  async #load(order: LoadOrder): Promise<void> {
    try {
      const log: Log = (level, text) => this.#send({ type: 'log', level, text });
      this.#model = await loadModel(order, log);
      this.#free = [...this.#model.sequences];
      this.#send({ type: 'loaded', model: this.#model.loaded });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'refused', reason: error instanceof ShoalError ? why : `llama.cpp refused it (${why}).` });
    }
  }

  async #generate(id: number, order: GenerateOrder): Promise<void> {
    const model = this.#model;
    if (model === undefined) throw new Error('The parent sent a request before the model was loaded.');
    const answer = new Answer(id, this.#send);
    this.#answers.set(id, answer);
    try {
      const sequence = await this.#takeSequence();
      try {
        if (!answer.aborted) await generate(model, sequence, order, answer, this.#rounds);
      } finally {
        this.#giveSequence(sequence);
      }
    } catch (error) {
      this.#send({ type: 'failed', id, ...describe(error) });
    } finally {
      this.#answers.delete(id);
    }
  }

  /** First come, first served. The parent bounds how many can wait. */
  #takeSequence(): Promise<LlamaContextSequence> {
    const sequence = this.#free.pop();
    return sequence === undefined
      ? new Promise((resolve) => void this.#waiting.push(resolve))
      : Promise.resolve(sequence);
  }

  #giveSequence(sequence: LlamaContextSequence): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(sequence);
    else next(sequence);
  }
}

/** One answer on its way to the parent, paused while the parent is too far behind. */
class Answer implements AnswerSink {
  readonly #id: number;
  readonly #send: (message: FromChild) => void;
  #aborted = false;
  #untaken = 0;
  #wake: (() => void) | undefined;

  constructor(id: number, send: (message: FromChild) => void) {
    this.#id = id;
    this.#send = send;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  began(promptTokens: number): void {
    this.#send({ type: 'began', id: this.#id, promptTokens });
  }

  text({ text, tokens }: Piece): void {
    this.#untaken += tokens.length;
    this.#send({ type: 'text', id: this.#id, text, tokens });
  }

  finish(reason: 'stop' | 'length', rawReason: string, completionTokens: number): void {
    this.#send({ type: 'finish', id: this.#id, reason, rawReason, completionTokens });
  }

  get hasRoom(): boolean {
    return this.#untaken < RUN_AHEAD_TOKENS || this.#aborted;
  }

  async room(): Promise<void> {
    while (!this.hasRoom) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  taken(tokens: number): void {
    this.#untaken -= tokens;
    this.#wake?.();
  }

  abort(): void {
    this.#aborted = true;
    this.#wake?.();
  }
}

function describe(error: unknown): Pick<FromChild & { type: 'failed' }, 'code' | 'message' | 'detail'> {
  if (error instanceof ShoalError) return { code: error.code, message: error.message };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'GENERATION_FAILED', message: 'The model failed while it answered.', detail };
}
