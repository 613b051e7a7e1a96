import { type FinishReason, type Sampling, ShoalError } from '@shoal/protocol';
import { type Piece, StopFilter } from '@shoal/chat/stop-filter';
import type { AnswerParser } from '@shoal/chat';
import { type OutputEvent, type GenerateRequest, type RequestEvent, RUN_AHEAD_TOKENS } from './messages.ts';
import type { Model } from './model.ts';
import { type Sampler, createSampler, type FullSampling, PENALTY_LAST_TOKENS } from './native/sampler.ts';
import { logprobsOf } from './native/logprobs.ts';
import { encodeRequest } from './prompt.ts';
import { TokenText } from './token-text.ts';

/** What applies where request and model file leave it open: llama.cpp's own defaults, a little cooler. */
const DEFAULT_SAMPLING = { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 } as const;
const SEED_VALUES = 2 ** 32 - 1;
/** Logits that are divided by less overflow; what is colder takes the likeliest token anyway. */
const LEAST_TEMPERATURE = 1e-5;

/** The tokens to evaluate next, and whether the model's view of what follows them is wanted. */
export interface Step {
  readonly tokens: readonly number[];
  readonly wantsLogits: boolean;
}

/**
 * One answer coming into being. Whoever drives it evaluates what `next` says and hands the logits to `advance`.
 *
 * An answer that another worker began, and that is determined (temperature 0, or a seed), goes on exactly: what was said
 * is read token by token as it was made, and the draws are made again, because a batch of many rounds otherwise than
 * one alone. Where nothing is determined it is read as a prompt is, which is many times faster.
 */
export class Generation {
  readonly id: number;
  /** The prompt, and behind it what was generated already. */
  readonly read: readonly number[];
  readonly promptLength: number;
  aborted = false;
  readonly #model: Model;
  readonly #emit: (event: RequestEvent) => void;
  readonly #request: GenerateRequest;
  readonly #sampler: Sampler;
  readonly #text: TokenText;
  readonly #stops: StopFilter;
  readonly #parser: AnswerParser | undefined;
  readonly #limit: { readonly tokens: number; readonly name: string };
  readonly #replays: boolean;
  readonly #draws: boolean;
  /** Tokens that were evaluated, or were in memory already. */
  #position = 0;
  #lastToken: number | undefined;
  #count = 0;
  #unacknowledged = 0;
  #hasEnded = false;

  /** Throws `ShoalError` for what cannot be answered. */
  constructor(model: Model, id: number, request: GenerateRequest, emit: (event: RequestEvent) => void) {
    const { prompt, resumed, grammar, parser } = encodeRequest(model, request);
    const { contextLength } = model.loaded;
    this.read = [...prompt, ...resumed];
    if (prompt.length === 0) throw ShoalError.invalidRequest('The request has no tokens to answer.');
    if (this.read.length >= contextLength) throw ShoalError.contextExceeded(this.read.length, contextLength);
    this.id = id;
    this.promptLength = prompt.length;
    this.#model = model;
    this.#request = request;
    this.#emit = emit;
    this.#parser = parser;
    this.#limit = limits(request.sampling, contextLength - this.read.length);
    const sampling = fullSampling(request.sampling, model.sampling);
    const isDetermined = sampling.temperature === 0 || request.sampling.seed !== undefined;
    this.#replays = resumed.length > 0 && isDetermined;
    this.#draws = this.#replays && sampling.temperature > 0;
    const { vocabulary } = model.native;
    this.#text = new TokenText((token) => vocabulary.piece(token, parser !== undefined));
    this.#stops = new StopFilter(request.stop);
    this.#sampler = createSampler(model.native.library, vocabulary, sampling, grammar);
    try {
      this.#recall(prompt, resumed);
    } catch (error) {
      this.#sampler.free();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether the prompt, or what was said already, is still being read. */
  get isReading(): boolean {
    return this.#position < this.read.length;
  }

  /** False while the consumer is too far behind. */
  get hasRoom(): boolean {
    return this.#unacknowledged < RUN_AHEAD_TOKENS;
  }

  get position(): number {
    return this.#position;
  }

  /** How much of what is in memory already may be used: what follows is drawn, or at least once looked at. */
  get reusable(): number {
    return this.#draws ? this.promptLength - 1 : this.read.length - 1;
  }

  /** So many of its tokens are in memory already. */
  begin(position: number): void {
    this.#position = position;
    const cachedTokens = Math.min(position, this.promptLength);
    this.#emit({ type: 'started', id: this.id, promptTokens: this.promptLength, cachedTokens });
    if (this.#limit.tokens === 0) this.#finish('length', this.#limit.name);
  }

  /** At most so many tokens of a prompt; the one chosen last otherwise. */
  next(room: number): Step {
    if (!this.isReading) return { tokens: this.#lastToken === undefined ? [] : [this.#lastToken], wantsLogits: true };
    const isReplaying = this.#replays && this.#position >= this.promptLength;
    const until = this.#replays && !isReplaying ? this.promptLength : this.read.length;
    const end = Math.min(until, this.#position + (isReplaying ? 1 : room));
    const wantsLogits = end === this.read.length || (this.#draws && end >= this.promptLength);
    return { tokens: this.read.slice(this.#position, end), wantsLogits };
  }

  evaluated(count: number): void {
    this.#position += count;
  }

  /** The model's view of what follows. */
  advance(logits: Float32Array): void {
    const resumed = this.read[this.#position];
    if (resumed !== undefined) return this.#sampler.replay(logits, resumed);
    const token = this.#sampler.sample(logits);
    if (token === undefined) throw ShoalError.generationFailed('The model found no token to go on with.');
    const { vocabulary } = this.#model.native;
    if (vocabulary.isEndOfGeneration(token)) return this.#finish('stop', 'end of generation');
    this.#count++;
    const { logprobs } = this.#request;
    const logprob = logprobs === undefined ? undefined : logprobsOf(vocabulary, logits, token, logprobs);
    this.#lastToken = token;
    const piece = this.#text.push(token, logprob);
    if (piece !== undefined) this.#emitText(this.#stops.push(piece));
    if (this.#stops.stopped) this.#finish('stop', 'stop string');
    else if (this.#parser?.isOver === true) this.#finish('stop', 'tool call');
    else if (this.#count === this.#limit.tokens) this.#finish('length', this.#limit.name);
  }

  acknowledge(tokens: number): void {
    this.#unacknowledged -= tokens;
  }

  fail(error: unknown): void {
    this.#end({ type: 'failed', id: this.id, ...describeFailure(error) });
  }

  /** Ends without a word: nobody listens any more. */
  abandon(): void {
    this.#end(undefined);
  }

  /** What was said elsewhere is taken in as if it had been said here. */
  #recall(prompt: readonly number[], resumed: readonly number[]): void {
    for (const token of prompt.slice(-PENALTY_LAST_TOKENS)) this.#sampler.accept(token, 'prompt');
    for (const token of resumed) {
      if (!this.#draws) this.#sampler.accept(token, 'answer');
      const piece = this.#text.push(token);
      if (piece !== undefined) this.#parser?.push(piece);
    }
  }

  #emitText(piece: Piece | undefined): void {
    if (piece === undefined) return;
    this.#emitOutput(this.#parser === undefined ? [{ type: 'text', ...piece }] : this.#parser.push(piece));
  }

  #emitOutput(events: readonly OutputEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) if (event.type !== 'embedding') this.#unacknowledged += event.tokens.length;
    this.#emit({ type: 'output', id: this.id, events });
  }

  #finish(reason: FinishReason, rawReason: string): void {
    if (!this.#stops.stopped) {
      const rest = this.#text.end();
      if (rest !== undefined) this.#emitText(this.#stops.push(rest));
    }
    const stopped = this.#stops.stopped;
    if (!stopped) this.#emitText(this.#stops.end());
    this.#emitOutput(this.#parser?.end() ?? []);
    const completionTokens = this.#count;
    const ended = { type: 'finish', id: this.id, completionTokens } as const;
    if (reason === 'stop' && this.#parser?.isCut === true) {
      return this.fail(ShoalError.generationFailed('The model began a tool call and did not write it to its end.'));
    }
    if (stopped) this.#end({ ...ended, reason: 'stop', rawReason: 'stop string' });
    else if (reason === 'stop' && this.#parser?.hasCalled === true)
      this.#end({ ...ended, reason: 'tool_calls', rawReason });
    else this.#end({ ...ended, reason, rawReason });
  }

  #end(event: RequestEvent | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sampler.free();
    if (event !== undefined) this.#emit(event);
  }
}

function limits({ maxTokens }: Sampling, contextLeft: number): { tokens: number; name: string } {
  if (maxTokens === undefined || maxTokens > contextLeft) return { tokens: contextLeft, name: 'context' };
  return { tokens: maxTokens, name: 'maxTokens' };
}

function fullSampling(sampling: Sampling, ofModel: Sampling): FullSampling {
  const temperature = sampling.temperature ?? ofModel.temperature ?? DEFAULT_SAMPLING.temperature;
  return {
    temperature: temperature < LEAST_TEMPERATURE ? 0 : temperature,
    topK: sampling.topK ?? ofModel.topK ?? DEFAULT_SAMPLING.topK,
    topP: sampling.topP ?? ofModel.topP ?? DEFAULT_SAMPLING.topP,
    minP: sampling.minP ?? ofModel.minP ?? DEFAULT_SAMPLING.minP,
    seed: sampling.seed ?? Math.floor(Math.random() * SEED_VALUES),
    repeatPenalty: sampling.repeatPenalty ?? ofModel.repeatPenalty,
    presencePenalty: sampling.presencePenalty ?? ofModel.presencePenalty,
    frequencyPenalty: sampling.frequencyPenalty ?? ofModel.frequencyPenalty,
    logitBias: sampling.logitBias ?? ofModel.logitBias,
  };
}

/** What is wrong with a request is told as it is; what is wrong with us stays in the log. */
export function describeFailure(
  error: unknown,
): Pick<RequestEvent & { type: 'failed' }, 'code' | 'message' | 'detail'> {
  if (error instanceof ShoalError) return { code: error.code, message: error.message };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'GENERATION_FAILED', message: 'The model failed while it answered.', detail };
}
