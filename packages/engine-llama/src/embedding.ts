import { ShoalError } from '@shoal/protocol/error';
import type { Model } from './model.ts';
import { NativeContext } from './native/context.ts';
import type { RequestEvent } from './messages.ts';

/** The longest text of a generative model: it is read in one piece. */
const EMBEDDING_TOKENS_MAX = 2_048;
const SEQUENCE = 0;

/** Computes vectors of texts, one after the other, in a context of its own, which is created on first use. */
export class EmbeddingContext {
  readonly #model: Model;
  #native: NativeContext | undefined;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Returns the tokens of each text. Throws `INVALID_REQUEST` for an empty text, `CONTEXT_EXCEEDED` for a long one. */
  tokenize(texts: readonly string[]): number[][] {
    const { vocabulary } = this.#model.native;
    return texts.map((text) => {
      const tokens = vocabulary.tokenize(text, { special: true, control: false });
      if (tokens.length === 0) throw ShoalError.invalidRequest('An empty text has no vector.');
      if (tokens.length > this.#length) throw ShoalError.contextExceeded(tokens.length, this.#length);
      return tokens;
    });
  }

  /** Returns the vector of a text, of length 1. Throws `GENERATION_FAILED`. */
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
      nodes: this.#model.nodes,
    });
    if (this.#native === undefined) throw ShoalError.generationFailed('There is no memory for computing vectors.');
    return this.#native;
  }
}

/** One request for vectors. Each step computes one vector, so that answers continue between steps. */
export class EmbeddingTask {
  aborted = false;
  readonly #id: number;
  readonly #texts: readonly (readonly number[])[];
  readonly #context: EmbeddingContext;
  readonly #emit: (event: RequestEvent) => void;

  /** Throws the errors of `EmbeddingContext.tokenize`. */
  constructor(context: EmbeddingContext, id: number, texts: readonly string[], emit: (event: RequestEvent) => void) {
    this.#id = id;
    this.#context = context;
    this.#texts = context.tokenize(texts);
    this.#emit = emit;
    const promptTokens = this.#texts.reduce((sum, tokens) => sum + tokens.length, 0);
    emit({ type: 'started', id, promptTokens, cachedTokens: 0 });
  }

  /** Computes the vector at an index. Returns false when all are done. */
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
    throw ShoalError.generationFailed('The model computed a vector of length 0 or infinity.');
  return Array.from(vector, (value) => value / length);
}
