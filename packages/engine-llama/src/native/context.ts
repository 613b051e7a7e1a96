import { addressOf, viewFloats } from './library.ts';
import type { NativeModel } from './model.ts';
import type { NodeCounter } from './node-counter.ts';
import type { BatchStructure, ContextParameters, Pointer } from './structures.ts';
import { Threadpool } from './threadpool.ts';

/** `LLAMA_POOLING_TYPE_…` of llama.h */
const POOLING_NONE = 0;
const POOLING_LAST = 3;
const POOLING_RANK = 4;
const POOLING_OF_MODEL = -1;

/** The tokens of a batch for which logits or vectors are computed. */
export type Outputs = 'none' | 'last' | 'all';

export interface ContextOptions {
  /** Tokens of one sequence. */
  readonly contextLength: number;
  readonly sequences: number;
  /** The largest number of tokens per call of `decode`. */
  readonly batchLength: number;
  readonly threads: number;
  /** True for vectors of texts, false for generating. */
  readonly embeddings?: boolean | undefined;
  /** Counts the computed nodes. */
  readonly nodes?: NodeCounter | undefined;
}

/** A llama.cpp context: the cache of a model's sequences, and the batch. Each call blocks this thread. */
export class NativeContext {
  readonly model: NativeModel;
  readonly #pointer: Pointer;
  readonly #batch: Batch;
  readonly #nodes: NodeCounter | undefined;
  #pool: Threadpool;
  readonly #retired: Threadpool[] = [];

  /** Returns undefined if there is not enough memory. */
  static create(model: NativeModel, options: ContextOptions): NativeContext | undefined {
    const { library } = model;
    const parameters = { ...library.contextDefaults(), ...parametersOf(options), ...options.nodes?.parameters };
    const pointer = library.createContext(model.pointer, parameters);
    if (pointer === null) return undefined;
    if (options.embeddings === true && library.poolingType(pointer) === POOLING_NONE) {
      // A generative model defines no pooling. Its last token has attended to all others.
      library.freeContext(pointer);
      const pooled = library.createContext(model.pointer, { ...parameters, pooling_type: POOLING_LAST });
      return pooled === null ? undefined : new NativeContext(model, pooled, options);
    }
    return new NativeContext(model, pointer, options);
  }

  private constructor(model: NativeModel, pointer: Pointer, { batchLength, threads, nodes }: ContextOptions) {
    this.model = model;
    this.#pointer = pointer;
    this.#batch = new Batch(batchLength);
    this.#nodes = nodes;
    this.#pool = this.#attach(threads);
  }

  get threads(): number {
    return this.#pool.threads;
  }

  /** True if its outputs are scores of how well texts match, not vectors. */
  get ranks(): boolean {
    return this.model.library.poolingType(this.#pointer) === POOLING_RANK;
  }

  set threads(threads: number) {
    // The backend uses the old pool until it computes with the new one, and pauses it then.
    this.#retired.push(this.#pool);
    this.#pool = this.#attach(threads);
  }

  /** Tokens that still fit into the batch of the next `decode`. */
  get room(): number {
    return this.#batch.room;
  }

  get isEmpty(): boolean {
    return this.#batch.isEmpty;
  }

  /**
   * Adds tokens of a sequence from a position on. Returns the index of the last token's logits, which exist after `decode`
   * if `outputs` includes them.
   */
  add(sequence: number, position: number, tokens: readonly number[], outputs: Outputs): number {
    return this.#batch.add(sequence, position, tokens, outputs);
  }

  /** Evaluates the batch. Returns false if llama.cpp fails. */
  decode(): boolean {
    const { library } = this.model;
    this.#nodes?.reset();
    try {
      const isComputed = library.decode(this.#pointer, this.#batch.structure) === 0;
      // After a failure the backend may still use the old pools.
      if (isComputed) for (const pool of this.#retired.splice(0)) pool.free();
      return isComputed;
    } finally {
      this.#batch.clear();
    }
  }

  /** Returns the logits of an output of the last `decode`, one per token of the vocabulary. Valid until the next `decode`. */
  logits(index: number): Float32Array | undefined {
    const address = this.model.library.logits(this.#pointer, index);
    return address === null ? undefined : viewFloats(address, this.model.vocabulary.size);
  }

  /** Returns the pooled vector of a sequence of the last `decode`; undefined for a model that ranks texts. */
  embedding(sequence: number): Float32Array | undefined {
    const { library, pointer } = this.model;
    // The output has one number per class: reading a vector would read beyond it.
    if (this.ranks) return undefined;
    const address = library.embedding(this.#pointer, sequence);
    return address === null ? undefined : viewFloats(address, library.embeddingLength(pointer));
  }

  /**
   * Removes a sequence from the cache from a position on. Returns false if the rest cannot be continued, because the model
   * can only remove whole sequences or its sliding window has dropped the tokens before; the whole sequence is removed then.
   */
  forget(sequence: number, from: number): boolean {
    const { library, pointer } = this.model;
    const memory = library.memory(this.#pointer);
    if (memory === null) return from === 0;
    const window = library.slidingWindow(pointer);
    const isSeen = window <= 0 || library.oldestPosition(memory, sequence) <= Math.max(0, from - window);
    if (isSeen && library.removeFromMemory(memory, sequence, from, -1)) return true;
    library.removeFromMemory(memory, sequence, -1, -1);
    return from === 0;
  }

  free(): void {
    this.model.library.freeContext(this.#pointer);
    for (const pool of [...this.#retired, this.#pool]) pool.free();
  }

  #attach(threads: number): Threadpool {
    const { library } = this.model;
    const pool = new Threadpool(library, threads);
    library.setThreads(this.#pointer, threads, threads);
    if (pool.pointer !== undefined) library.attachThreadpool(this.#pointer, pool.pointer, null);
    return pool;
  }
}

function parametersOf(options: ContextOptions): ContextParameters {
  const { contextLength, sequences, batchLength, threads, embeddings = false } = options;
  return {
    n_ctx: contextLength * sequences,
    n_seq_max: sequences,
    n_batch: batchLength,
    n_ubatch: batchLength,
    n_threads: threads,
    n_threads_batch: threads,
    pooling_type: POOLING_OF_MODEL,
    embeddings,
    swa_full: false,
    kv_unified: false,
  };
}

/** A `llama_batch` in JavaScript memory, which is filled again for every call. */
class Batch {
  readonly structure: BatchStructure;
  readonly #length: number;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #sequences: Int32Array;
  readonly #outputs: Int8Array;
  /** Referenced because their addresses are in the structure. */
  readonly #counts: Int32Array;
  readonly #sequenceAddresses: BigUint64Array;

  constructor(length: number) {
    this.#length = length;
    this.#tokens = new Int32Array(length);
    this.#positions = new Int32Array(length);
    this.#sequences = new Int32Array(length);
    this.#outputs = new Int8Array(length);
    this.#counts = new Int32Array(length).fill(1);
    const first = addressOf(this.#sequences);
    const size = BigInt(Int32Array.BYTES_PER_ELEMENT);
    this.#sequenceAddresses = BigUint64Array.from({ length }, (_, index) => first + BigInt(index) * size);
    this.structure = {
      n_tokens: 0,
      token: addressOf(this.#tokens),
      embd: null,
      pos: addressOf(this.#positions),
      n_seq_id: addressOf(this.#counts),
      seq_id: addressOf(this.#sequenceAddresses),
      logits: addressOf(this.#outputs),
    };
  }

  get room(): number {
    return this.#length - this.structure.n_tokens;
  }

  get isEmpty(): boolean {
    return this.structure.n_tokens === 0;
  }

  add(sequence: number, position: number, tokens: readonly number[], outputs: Outputs): number {
    if (tokens.length > this.room) throw new RangeError(`${tokens.length} tokens do not fit into the batch.`);
    let at = this.structure.n_tokens;
    for (const [index, token] of tokens.entries()) {
      this.#tokens[at] = token;
      this.#positions[at] = position + index;
      this.#sequences[at] = sequence;
      this.#outputs[at] = outputs === 'all' ? 1 : 0;
      at++;
    }
    if (outputs === 'last') this.#outputs[at - 1] = 1;
    this.structure.n_tokens = at;
    return at - 1;
  }

  clear(): void {
    this.structure.n_tokens = 0;
  }
}
