import type { FinishReason, Sampling } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { AnswerText } from './answer-text.ts';
import { type OutputEvent, type GenerateRequest, type RequestEvent, RUN_AHEAD_TOKENS } from './messages.ts';
import type { Model } from './model.ts';
import { type Sampler, createSampler, type FullSampling, PENALTY_LAST_TOKENS } from './native/sampler.ts';
import { logprobsOf } from './native/logprobs.ts';
import { encodeRequest } from './prompt.ts';

/** Defaults for options that neither the request nor the model file sets: llama.cpp's own, with a lower temperature. */
const DEFAULT_SAMPLING = { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 } as const;
const SEED_VALUES = 2 ** 32 - 1;
/** Division of logits by less would overflow. A lower temperature means the likeliest token anyway. */
const LEAST_TEMPERATURE = 1e-5;

/** The tokens to evaluate next. */
export interface Step {
  readonly tokens: readonly number[];
  /** True if the logits after the last token are needed. */
  readonly wantsLogits: boolean;
}

/**
 * One answer. The caller evaluates the tokens of `next` and passes the logits to `advance`.
 *
 * An answer that another worker began, and that is determined (temperature 0, or a seed), is continued exactly: its tokens
 * are evaluated one by one and the draws are repeated, because a batch of many tokens rounds differently. An answer that is
 * not determined is read like a prompt, which is many times faster.
 */
export class Generation {
  readonly id: number;
  /** The tokens of the prompt, followed by those that were generated already. */
  readonly read: readonly number[];
  readonly promptLength: number;
  aborted = false;
  readonly #model: Model;
  readonly #emit: (event: RequestEvent) => void;
  readonly #request: GenerateRequest;
  readonly #sampler: Sampler;
  readonly #text: AnswerText;
  readonly #limit: { readonly tokens: number; readonly name: string };
  readonly #replays: boolean;
  readonly #draws: boolean;
  /** Tokens that were evaluated or cached. */
  #position = 0;
  #lastToken: number | undefined;
  #count = 0;
  #unacknowledged = 0;
  #hasEnded = false;

  /** Throws a `ShoalError` if the request cannot be answered. */
  constructor(model: Model, id: number, request: GenerateRequest, emit: (event: RequestEvent) => void) {
    const encoded = encodeRequest(model.native.vocabulary, request);
    const { prompt, resumed, grammar } = encoded;
    const contextLength = Math.min(model.loaded.contextLength, request.contextLength ?? Infinity);
    this.read = [...prompt, ...resumed];
    if (prompt.length === 0) throw ShoalError.invalidRequest('The request has no tokens to answer.');
    if (this.read.length >= contextLength) throw ShoalError.contextExceeded(this.read.length, contextLength);
    this.id = id;
    this.promptLength = prompt.length;
    this.#model = model;
    this.#request = request;
    this.#emit = emit;
    this.#limit = limits(request.sampling, contextLength - this.read.length);
    const sampling = fullSampling(request.sampling, model.sampling);
    const isDetermined = sampling.temperature === 0 || request.sampling.seed !== undefined;
    this.#replays = resumed.length > 0 && isDetermined;
    this.#draws = this.#replays && sampling.temperature > 0;
    const { vocabulary } = model.native;
    this.#text = new AnswerText(vocabulary, request, encoded);
    this.#sampler = createSampler(model.native.library, vocabulary, sampling, grammar);
    try {
      this.#restore(prompt, resumed);
    } catch (error) {
      this.#sampler.free();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** True until the prompt and the resumed tokens are evaluated. */
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

  /** The largest number of cached tokens that may be reused: the tokens after it need logits. */
  get reusable(): number {
    return this.#draws ? this.promptLength - 1 : this.read.length - 1;
  }

  /** Starts with `position` cached tokens. */
  begin(position: number): void {
    this.#position = position;
    const cachedTokens = Math.min(position, this.promptLength);
    this.#emit({ type: 'started', id: this.id, promptTokens: this.promptLength, cachedTokens });
    if (this.#limit.tokens === 0) this.#finish('length', this.#limit.name);
  }

  /** Returns at most `room` tokens of the prompt, or the last generated token. */
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

  /** Samples the next token from the logits and emits its text. */
  advance(logits: Float32Array): void {
    const resumed = this.read[this.#position];
    if (resumed !== undefined) return this.#sampler.replay(logits, resumed);
    const token = this.#sampler.sample(logits);
    if (token === undefined) throw ShoalError.generationFailed('The model found no token to continue with.');
    const { vocabulary } = this.#model.native;
    if (vocabulary.isEndOfGeneration(token)) return this.#finish('stop', 'end of generation');
    this.#count++;
    const { logprobs } = this.#request;
    const logprob = logprobs === undefined ? undefined : logprobsOf(vocabulary, logits, token, logprobs);
    this.#lastToken = token;
    this.#emitOutput(this.#text.push(token, logprob));
    if (this.#text.isStopped) this.#finish('stop', 'stop string');
    else if (this.#text.isOver) this.#finish('stop', 'tool call');
    else if (this.#count === this.#limit.tokens) this.#finish('length', this.#limit.name);
  }

  acknowledge(tokens: number): void {
    this.#unacknowledged -= tokens;
  }

  fail(error: unknown): void {
    this.#end({ type: 'failed', id: this.id, ...describeFailure(error) });
  }

  /** Ends without an event, because the request was cancelled. */
  abandon(): void {
    this.#end(undefined);
  }

  /** Brings sampler and text into the state after the resumed tokens. */
  #restore(prompt: readonly number[], resumed: readonly number[]): void {
    for (const token of prompt.slice(-PENALTY_LAST_TOKENS)) this.#sampler.accept(token, 'prompt');
    for (const token of resumed) {
      if (!this.#draws) this.#sampler.accept(token, 'answer');
      this.#text.restore(token);
    }
  }

  #emitOutput(events: readonly OutputEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) if ('tokens' in event) this.#unacknowledged += event.tokens.length;
    this.#emit({ type: 'output', id: this.id, events });
  }

  #finish(reason: FinishReason, rawReason: string): void {
    this.#emitOutput(this.#text.end());
    const completionTokens = this.#count;
    const ended = { type: 'finish', id: this.id, completionTokens } as const;
    if (reason === 'stop' && this.#text.isCut) {
      return this.fail(ShoalError.generationFailed('The model began a tool call and did not complete it.'));
    }
    if (this.#text.isStopped) this.#end({ ...ended, reason: 'stop', rawReason: 'stop string' });
    else if (reason === 'stop' && this.#text.hasCalled) this.#end({ ...ended, reason: 'tool_calls', rawReason });
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

function fullSampling(sampling: Sampling, recommended: Sampling): FullSampling {
  const temperature = sampling.temperature ?? recommended.temperature ?? DEFAULT_SAMPLING.temperature;
  return {
    temperature: temperature < LEAST_TEMPERATURE ? 0 : temperature,
    topK: sampling.topK ?? recommended.topK ?? DEFAULT_SAMPLING.topK,
    topP: sampling.topP ?? recommended.topP ?? DEFAULT_SAMPLING.topP,
    minP: sampling.minP ?? recommended.minP ?? DEFAULT_SAMPLING.minP,
    seed: sampling.seed ?? Math.floor(Math.random() * SEED_VALUES),
    repeatPenalty: sampling.repeatPenalty ?? recommended.repeatPenalty,
    presencePenalty: sampling.presencePenalty ?? recommended.presencePenalty,
    frequencyPenalty: sampling.frequencyPenalty ?? recommended.frequencyPenalty,
    logitBias: sampling.logitBias ?? recommended.logitBias,
  };
}

/** Errors of the request are sent with their message; other errors go to the log as `detail`. */
export function describeFailure(
  error: unknown,
): Pick<RequestEvent & { type: 'failed' }, 'code' | 'message' | 'detail'> {
  if (error instanceof ShoalError) return { code: error.code, message: error.message };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'GENERATION_FAILED', message: 'The model failed during the answer.', detail };
}
