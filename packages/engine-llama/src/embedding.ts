import { ShoalError } from '@shoal/protocol';
import type { Model } from './model.ts';
import { NativeContext } from './native/context.ts';
import type { RequestEvent } from './messages.ts';

/** A generative model reads a text for its vector in one piece of at most so many tokens. */
const EMBEDDING_TOKENS_MAX = 2_048;
const SEQUENCE = 0;

/** Turns texts into vectors, one after the other, in a context of its own that is made when it is first wanted. */
export class EmbeddingContext {
  readonly #model: Model;
  #native: NativeContext | undefined;

  constructor(model: Model) {
    this.#model = model;
  }

  /**
   * The texts' tokens. Throws `INVALID_REQUEST` for an empty text, `CONTEXT_EXCEEDED` for one that does not fit.
   */
  read(texts: readonly string[]): number[][] {
    const { vocabulary } = this.#model.native;
    return texts.map((text) => {
      const tokens = vocabulary.tokenize(text, { special: true, control: false });
      if (tokens.length === 0) throw ShoalError.invalidRequest('An empty text has no vector.');
      if (tokens.length > this.#length) throw ShoalError.contextExceeded(tokens.length, this.#length);
      return tokens;
    });
  }

  /** The vector of a text, of length 1. Throws `GENERATION_FAILED`. */
  embed(tokens: readonly number[]): number[] {
    const context = this.#open();
    context.forget(SEQUENCE, 0);
    context.add(SEQUENCE, 0, tokens, 'all');
    const vector = context.decode() ? context.embedding(SEQUENCE) : undefined;
    if (vector === undefined) throw ShoalError.generationFailed('The model could not compute a vector.');
    return normalised(vector);
  }

  get #length(): number {
    const { contextLength } = this.#model.loaded;
    return this.#model.native.generates ? Math.min(contextLength, EMBEDDING_TOKENS_MAX) : contextLength;
  }

  #open(): NativeContext {
    this.#native ??= NativeContext.create(this.#model.native, {
      contextLength: this.#length,
      sequences: 1,
      batchLength: this.#length,
      threads: this.#model.context.threads,
      embeddings: true,
    });
    if (this.#native === undefined) throw ShoalError.generationFailed('There is no memory for computing vectors.');
    return this.#native;
  }
}

/** Texts on their way to vectors: one a step, so that answers go on between them. */
export class EmbeddingTask {
  aborted = false;
  readonly #id: number;
  readonly #texts: readonly (readonly number[])[];
  readonly #context: EmbeddingContext;
  readonly #emit: (event: RequestEvent) => void;

  /** Throws as `EmbeddingContext.read` does. */
  constructor(context: EmbeddingContext, id: number, texts: readonly string[], emit: (event: RequestEvent) => void) {
    this.#id = id;
    this.#context = context;
    this.#texts = context.read(texts);
    this.#emit = emit;
    const promptTokens = this.#texts.reduce((sum, tokens) => sum + tokens.length, 0);
    emit({ type: 'started', id, promptTokens, cachedTokens: 0 });
  }

  /** Computes the vector at an index. False once all are done. */
  step(index: number): boolean {
    const tokens = this.#texts[index];
    if (tokens === undefined) {
      this.#emit({ type: 'finish', id: this.#id, reason: 'stop', rawReason: 'all texts', completionTokens: 0 });
      return false;
    }
    const event = { type: 'embedding', index, vector: this.#context.embed(tokens) } as const;
    this.#emit({ type: 'output', id: this.#id, events: [event] });
    return true;
  }
}

function normalised(vector: Float32Array): number[] {
  const length = Math.hypot(...vector);
  if (!(length > 0) || length === Infinity)
    throw ShoalError.generationFailed('The model computed a vector without direction.');
  return Array.from(vector, (value) => value / length);
}
