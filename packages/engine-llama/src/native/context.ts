import { addressOf, viewFloats } from './library.ts';
import type { NativeModel } from './model.ts';
import type { BatchStructure, ContextParameters, Pointer } from './structures.ts';
import { Threadpool } from './threadpool.ts';

/** `LLAMA_POOLING_TYPE_…` of llama.h */
const POOLING_NONE = 0;
const POOLING_LAST = 3;
const POOLING_RANK = 4;
const POOLING_OF_MODEL = -1;

/** For which tokens of a batch something is wanted beyond their being read. */
export type Outputs = 'none' | 'last' | 'all';

export interface ContextOptions {
  /** Tokens of one sequence. */
  readonly contextLength: number;
  readonly sequences: number;
  /** Tokens that one call of `decode` takes at most. */
  readonly batchLength: number;
  readonly threads: number;
  /** For vectors of texts rather than for generating. */
  readonly embeddings?: boolean | undefined;
}

/** What a model keeps in mind of its sequences, and the computing of more. One call at a time, each blocks this thread. */
export class NativeContext {
  readonly model: NativeModel;
  readonly #pointer: Pointer;
  readonly #batch: Batch;
  #pool: Threadpool;
  readonly #retired: Threadpool[] = [];

  /** Undefined where there is no memory for it. */
  static create(model: NativeModel, options: ContextOptions): NativeContext | undefined {
    const { library } = model;
    const parameters = { ...library.contextDefaults(), ...parametersOf(options) };
    const pointer = library.createContext(model.pointer, parameters);
    if (pointer === null) return undefined;
    if (options.embeddings === true && library.poolingType(pointer) === POOLING_NONE) {
      // A model that was trained to generate says nothing of pooling: its last token has read all the others.
      library.freeContext(pointer);
      const pooled = library.createContext(model.pointer, { ...parameters, pooling_type: POOLING_LAST });
      return pooled === null ? undefined : new NativeContext(model, pooled, options);
    }
    return new NativeContext(model, pointer, options);
  }

  private constructor(model: NativeModel, pointer: Pointer, { batchLength, threads }: ContextOptions) {
    this.model = model;
    this.#pointer = pointer;
    this.#batch = new Batch(batchLength);
    this.#pool = this.#attach(threads);
  }

  get threads(): number {
    return this.#pool.threads;
  }

  /** Whether its outputs say how well texts fit each other, instead of being vectors. */
  get ranks(): boolean {
    return this.model.library.poolingType(this.#pointer) === POOLING_RANK;
  }

  set threads(threads: number) {
    // The backend knows the old one until it computes with the new one, and pauses it then.
    this.#retired.push(this.#pool);
    this.#pool = this.#attach(threads);
  }

  /** Room left in the batch that the next `decode` computes. */
  get room(): number {
    return this.#batch.room;
  }

  get isEmpty(): boolean {
    return this.#batch.isEmpty;
  }

  /**
   * Adds tokens of a sequence from a position on. Returns the index under which the last one's logits are found after
   * `decode`, where they are wanted.
   */
  add(sequence: number, position: number, tokens: readonly number[], outputs: Outputs): number {
    return this.#batch.add(sequence, position, tokens, outputs);
  }

  /** Computes what was added. False where llama.cpp could not. */
  decode(): boolean {
    const { library } = this.model;
    try {
      const isComputed = library.decode(this.#pointer, this.#batch.structure) === 0;
      // Where it was not, the backend may not have been reached, and still knows the old pools.
      if (isComputed) for (const pool of this.#retired.splice(0)) pool.free();
      return isComputed;
    } finally {
      this.#batch.clear();
    }
  }

  /** The logits of an output of the last `decode`, one for each token of the vocabulary. Valid until the next. */
  logits(index: number): Float32Array | undefined {
    const address = this.model.library.logits(this.#pointer, index);
    return address === null ? undefined : viewFloats(address, this.model.vocabulary.size);
  }

  /** The pooled vector of a sequence of the last `decode`; a model that ranks texts has none. */
  embedding(sequence: number): Float32Array | undefined {
    const { library, pointer } = this.model;
    // Where a vector would be, there is one number for each class: reading on would read somebody else's memory.
    if (this.ranks) return undefined;
    const address = library.embedding(this.#pointer, sequence);
    return address === null ? undefined : viewFloats(address, library.embeddingLength(pointer));
  }

  /**
   * Forgets a sequence from a position on. False where it cannot be gone on from there, because the model forgets only the
   * whole, or its sliding window has dropped what stands before: all of it is forgotten then.
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

/** `llama_batch` in memory of ours, which is filled anew for every call. */
class Batch {
  readonly structure: BatchStructure;
  readonly #length: number;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #sequences: Int32Array;
  readonly #outputs: Int8Array;
  /** Kept because their addresses are in the structure. */
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
