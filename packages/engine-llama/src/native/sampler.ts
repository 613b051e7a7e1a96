import { type Sampling, ShoalError } from '@shoal/protocol';
import { addressOf, type Library } from './library.ts';
import type { Pointer } from './structures.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Tokens back that penalties look at, as llama.cpp and Ollama have it. */
export const PENALTY_LAST_TOKENS = 64;
const KEEP_AT_LEAST = 1;
/** The value beyond them means a random seed to llama.cpp. */
const SEED_VALUES = 2 ** 32 - 1;

/** `llama_token_data`: id, logit and probability, 4 bytes each. */
const CANDIDATE_WORDS = 3;
/** `llama_token_data_array`: data, size, selected (8 bytes each), sorted. */
const CANDIDATES_BYTES = 32;
const [DATA, SIZE, SELECTED, SORTED] = [0, 8, 16, 24];

/** What applies to one answer; nothing is left open. */
export interface FullSampling extends Pick<
  Sampling,
  'repeatPenalty' | 'presencePenalty' | 'frequencyPenalty' | 'logitBias'
> {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly seed: number;
}

/** Chooses one answer's tokens by its sampling options and its grammar. */
export interface Sampler {
  /** The next token, given the logits of all; undefined where the grammar allows none, or the logits are no numbers. */
  sample(logits: Float32Array): number | undefined;
  /** Draws as `sample` does, and goes on as if it had chosen this token. Throws `INVALID_REQUEST` where the grammar forbids it. */
  replay(logits: Float32Array, token: number): void;
  /** A token that was read and not chosen. Throws `INVALID_REQUEST` where one of the answer is forbidden by the grammar. */
  accept(token: number, as: 'prompt' | 'answer'): void;
  free(): void;
}

/** Throws where the grammar cannot be compiled. */
export function createSampler(
  library: Library,
  vocabulary: Vocabulary,
  sampling: FullSampling,
  grammar: string | undefined,
): Sampler {
  const isBare = sampling.temperature === 0 && grammar === undefined && !changesLogits(sampling);
  return isBare ? GREEDY : new ChainSampler(library, vocabulary, sampling, grammar);
}

/** The likeliest token, for which no list of candidates is needed. */
const GREEDY: Sampler = {
  sample: likeliest,
  replay: () => {},
  accept: () => {},
  free: () => {},
};

/** Undefined where no logit is a number. */
function likeliest(logits: Float32Array): number | undefined {
  let best: number | undefined;
  let highest = -Infinity;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] ?? -Infinity;
    if (logit > highest) {
      highest = logit;
      best = token;
    }
  }
  return best;
}

function changesLogits({ repeatPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = [] }: Sampling) {
  return repeatPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || logitBias.length > 0;
}

/** llama.cpp's samplers in the order of its server: biases, penalties, top-k, top-p, min-p, temperature, the draw. */
class ChainSampler implements Sampler {
  readonly #library: Library;
  readonly #chain: Pointer;
  readonly #grammar: Pointer | undefined;
  readonly #vocabulary: Vocabulary;
  readonly #candidates: Candidates;
  readonly #one = new Candidates(1);

  constructor(library: Library, vocabulary: Vocabulary, sampling: FullSampling, grammar: string | undefined) {
    this.#library = library;
    this.#vocabulary = vocabulary;
    this.#candidates = new Candidates(vocabulary.size);
    if (grammar !== undefined) {
      const compiled = library.grammarSampler(vocabulary.pointer, grammar, 'root');
      if (compiled === null) throw new Error(`llama.cpp does not take this grammar: ${grammar}`);
      this.#grammar = compiled;
    }
    this.#chain = library.createChain({ no_perf: true });
    for (const sampler of samplers(library, vocabulary.size, sampling)) library.addSampler(this.#chain, sampler);
  }

  sample(logits: Float32Array): number | undefined {
    const token = this.#draw(logits);
    if (token !== undefined) this.#advance(token);
    return token;
  }

  replay(logits: Float32Array, token: number): void {
    this.#draw(logits);
    this.accept(token, 'answer');
  }

  accept(token: number, as: 'prompt' | 'answer'): void {
    if (as === 'prompt') return this.#library.acceptToken(this.#chain, token);
    if (this.#grammar !== undefined && !this.#allows(this.#grammar, token)) {
      throw ShoalError.invalidRequest('What is to be gone on from does not have the format that is asked for.');
    }
    this.#advance(token);
  }

  free(): void {
    this.#library.freeSampler(this.#chain);
    if (this.#grammar !== undefined) this.#library.freeSampler(this.#grammar);
  }

  #draw(logits: Float32Array): number | undefined {
    this.#candidates.fill(logits);
    this.#library.applySampler(this.#chain, this.#candidates.structure);
    const token = this.#candidates.selected;
    if (this.#grammar === undefined || token === undefined) return token;
    // Asking the grammar for one token is cheap, for all of them it is not: so only where the free choice is forbidden.
    if (this.#allows(this.#grammar, token)) return token;
    this.#candidates.fill(logits);
    this.#library.applySampler(this.#grammar, this.#candidates.structure);
    if (!this.#candidates.hasAny) return undefined;
    this.#library.applySampler(this.#chain, this.#candidates.structure);
    const allowed = this.#candidates.selected;
    // Logits that overflow make a draw of any token, and taking in a forbidden one would end the process.
    return allowed !== undefined && this.#allows(this.#grammar, allowed) ? allowed : undefined;
  }

  /** The grammar must allow it: llama.cpp ends the process otherwise. */
  #advance(token: number): void {
    this.#library.acceptToken(this.#chain, token);
    // The end of an answer is no part of its grammar.
    if (this.#grammar !== undefined && !this.#vocabulary.isEndOfGeneration(token)) {
      this.#library.acceptToken(this.#grammar, token);
    }
  }

  #allows(grammar: Pointer, token: number): boolean {
    this.#one.fillOne(token);
    this.#library.applySampler(grammar, this.#one.structure);
    return this.#one.hasAny;
  }
}

function samplers(library: Library, tokens: number, sampling: FullSampling): Pointer[] {
  const { temperature, topK, topP, minP, seed } = sampling;
  const { repeatPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = [] } = sampling;
  const chain: Pointer[] = [];
  // For one that it does not have, llama.cpp would search the whole vocabulary each time.
  const biases = logitBias.filter(([token]) => token < tokens);
  if (biases.length > 0) chain.push(library.biasSampler(tokens, biases.length, biasBytes(biases)));
  if (changesLogits({ repeatPenalty, presencePenalty, frequencyPenalty })) {
    const penalties = [PENALTY_LAST_TOKENS, repeatPenalty, frequencyPenalty, presencePenalty] as const;
    chain.push(library.penaltiesSampler(tokens, ...penalties));
  }
  if (temperature === 0) return [...chain, library.greedySampler()];
  if (topK > 0) chain.push(library.topKSampler(topK));
  if (topP < 1) chain.push(library.topPSampler(topP, KEEP_AT_LEAST));
  if (minP > 0) chain.push(library.minPSampler(minP, KEEP_AT_LEAST));
  return [...chain, library.temperatureSampler(temperature), library.distributionSampler(seed % SEED_VALUES)];
}

/** `llama_logit_bias` of each: the token and what is added. llama.cpp copies it. */
function biasBytes(biases: NonNullable<Sampling['logitBias']>): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(biases.length * 8));
  for (const [index, [token, bias]] of biases.entries()) {
    bytes.setInt32(index * 8, token, true);
    bytes.setFloat32(index * 8 + 4, bias, true);
  }
  return new Uint8Array(bytes.buffer);
}

/** A `llama_token_data_array` in memory of ours. */
class Candidates {
  readonly structure = new Uint8Array(CANDIDATES_BYTES);
  readonly #view = new DataView(this.structure.buffer);
  readonly #size: number;
  readonly #ids: Int32Array;
  readonly #values: Float32Array;
  readonly #address: Pointer;

  constructor(size: number) {
    const memory = new ArrayBuffer(size * CANDIDATE_WORDS * Int32Array.BYTES_PER_ELEMENT);
    this.#size = size;
    this.#ids = new Int32Array(memory);
    this.#values = new Float32Array(memory);
    this.#address = addressOf(this.#ids);
  }

  fill(logits: Float32Array): void {
    const [ids, values] = [this.#ids, this.#values];
    for (let token = 0, at = 0; token < this.#size; token++, at += CANDIDATE_WORDS) {
      ids[at] = token;
      values[at + 1] = logits[token] ?? -Infinity;
      values[at + 2] = 0;
    }
    this.#describe();
  }

  fillOne(token: number): void {
    this.#ids[0] = token;
    this.#values[1] = 1;
    this.#values[2] = 0;
    this.#describe();
  }

  /** What a sampler selected, if it did and had numbers to go by. */
  get selected(): number | undefined {
    const at = Number(this.#view.getBigInt64(SELECTED, true)) * CANDIDATE_WORDS;
    return at < 0 || Number.isNaN(this.#values[at + 1]) ? undefined : this.#ids[at];
  }

  /** Whether a candidate is left that is not forbidden. */
  get hasAny(): boolean {
    const size = Number(this.#view.getBigUint64(SIZE, true));
    for (let index = 0; index < size; index++) {
      if ((this.#values[index * CANDIDATE_WORDS + 1] ?? -Infinity) !== -Infinity) return true;
    }
    return false;
  }

  #describe(): void {
    this.#view.setBigUint64(DATA, this.#address, true);
    this.#view.setBigUint64(SIZE, BigInt(this.#size), true);
    this.#view.setBigInt64(SELECTED, -1n, true);
    this.#view.setUint8(SORTED, 0);
  }
}
