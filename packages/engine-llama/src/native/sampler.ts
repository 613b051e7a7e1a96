import type { Sampling } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { addressOf, type Library } from './library.ts';
import type { Pointer } from './structures.ts';
import type { Vocabulary } from './vocabulary.ts';

/** The number of last tokens that penalties apply to, as in llama.cpp and Ollama. */
export const PENALTY_LAST_TOKENS = 64;
const KEEP_AT_LEAST = 1;
/** llama.cpp takes the next value as a request for a random seed. */
const SEED_VALUES = 2 ** 32 - 1;

/** `llama_token_data`: id, logit and probability, 4 bytes each. */
const CANDIDATE_WORDS = 3;
/** `llama_token_data_array`: data, size, selected (8 bytes each), sorted. */
const CANDIDATES_BYTES = 32;
const [DATA, SIZE, SELECTED, SORTED] = [0, 8, 16, 24];

/** The sampling options of one answer, with all defaults applied. */
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

/** Samples the tokens of one answer by its options and its grammar. */
export interface Sampler {
  /** Returns the next token; undefined if the grammar allows none or no logit is a number. */
  sample(logits: Float32Array): number | undefined;
  /** Draws like `sample`, but accepts the given token. Throws `INVALID_REQUEST` if the grammar forbids it. */
  replay(logits: Float32Array, token: number): void;
  /** Accepts a token that was not sampled here. Throws `INVALID_REQUEST` if it belongs to the answer and the grammar forbids it. */
  accept(token: number, as: 'prompt' | 'answer'): void;
  free(): void;
}

/** Throws `INVALID_REQUEST` if llama.cpp refuses the grammar. */
export function createSampler(
  library: Library,
  vocabulary: Vocabulary,
  sampling: FullSampling,
  grammar: string | undefined,
): Sampler {
  const isBare = sampling.temperature === 0 && grammar === undefined && !changesLogits(sampling);
  return isBare ? GREEDY : new ChainSampler(library, vocabulary, sampling, grammar);
}

/** Samples the likeliest token, without a list of candidates. */
const GREEDY: Sampler = {
  sample: likeliest,
  replay: () => {},
  accept: () => {},
  free: () => {},
};

/** Returns undefined if no logit is a number. */
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
      if (compiled === null) {
        throw ShoalError.invalidRequest('The JSON schema has more nested repetitions than llama.cpp allows.');
      }
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
      throw ShoalError.invalidRequest('The answer to continue does not have the requested format.');
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
    // Checking one token against the grammar is cheap, checking all is not: only if the unrestricted draw is forbidden.
    if (this.#allows(this.#grammar, token)) return token;
    this.#candidates.fill(logits);
    this.#library.applySampler(this.#grammar, this.#candidates.structure);
    if (!this.#candidates.hasAny) return undefined;
    this.#library.applySampler(this.#chain, this.#candidates.structure);
    const allowed = this.#candidates.selected;
    // Logits that overflow can draw any token, and accepting a forbidden one would end the process.
    return allowed !== undefined && this.#allows(this.#grammar, allowed) ? allowed : undefined;
  }

  /** Requires that the grammar allows the token: llama.cpp would end the process. */
  #advance(token: number): void {
    this.#library.acceptToken(this.#chain, token);
    // The end of an answer is not part of its grammar.
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
  // For an unknown token llama.cpp would search the whole vocabulary each time.
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

/** Returns an array of `llama_logit_bias`: the token and its bias. llama.cpp copies it. */
function biasBytes(biases: NonNullable<Sampling['logitBias']>): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(biases.length * 8));
  for (const [index, [token, bias]] of biases.entries()) {
    bytes.setInt32(index * 8, token, true);
    bytes.setFloat32(index * 8 + 4, bias, true);
  }
  return new Uint8Array(bytes.buffer);
}

/** A `llama_token_data_array` in JavaScript memory. */
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

  /** The token that a sampler selected; undefined if it selected none or its logit is not a number. */
  get selected(): number | undefined {
    const at = Number(this.#view.getBigInt64(SELECTED, true)) * CANDIDATE_WORDS;
    return at < 0 || Number.isNaN(this.#values[at + 1]) ? undefined : this.#ids[at];
  }

  /** True if the grammar allows any candidate. */
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
