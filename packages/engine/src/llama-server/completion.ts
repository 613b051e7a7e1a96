import type { AnswerReasoning } from '@shoal/chat';
import type { FinishEvent, InferenceEvent, ReasoningEvent, SampledLogprob, TextEvent, Usage } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { formatGrammar } from '@shoal/chat/grammar';
import type { Piece } from '@shoal/chat/stop-filter';
import { TextFilter } from '@shoal/chat/text-filter';
import { failures, refused } from './errors.ts';
import { readEvents } from './event-stream.ts';
import { type ModelProperties, tokenize } from './properties.ts';
import { readLogprobs } from './logprobs.ts';
import { contextLengthOf, type Prompt } from './prompt.ts';
import { markerTokens } from './reasoning.ts';
import { writeSampling } from './sampling.ts';
import { openStream } from './stream.ts';

/** The fields of the last event that are used. The others repeat the prompt and every setting. */
const LAST_EVENT_FIELDS = ['stop', 'stop_type', 'tokens_predicted', 'timings/cache_n'];

export interface CompletionRequest extends Omit<InferenceRequest, 'model'> {
  readonly model: string;
  readonly prompt: Prompt;
}

/**
 * Answers token ids through `POST /completion`: text with the ids that it was decoded from. Stop strings are detected here, so
 * that the tokens of the events always decode to their text.
 */
export async function* complete(
  server: ModelServer,
  properties: ModelProperties,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<InferenceEvent, undefined> {
  const { prompt, sampling, format, logprobs } = request;
  const limit = limitOf(request, properties);
  // The grammar leaves no place for reasoning that is not wanted.
  const reasoning = format !== undefined && request.reasoning !== true ? undefined : prompt.reasoning;
  const answer = new Completion(server, request, { limit, reasoning, signal });
  if (limit.tokens === 0) return yield answer.finish('length', limit.name, 0);
  const grammar = format === undefined ? undefined : formatGrammar(format, reasoning);
  if (grammar !== undefined && prompt.resumed.length > 0) {
    // The grammar would start from its beginning again.
    throw ShoalError.generationFailed('An answer in a format cannot be continued by another worker.');
  }
  const body = await openStream(
    server,
    'completion',
    {
      prompt: [...prompt.tokens, ...prompt.resumed],
      n_predict: limit.tokens,
      ...writeSampling(sampling),
      ...(grammar !== undefined && { grammar }),
      ...(logprobs !== undefined && { n_probs: Math.max(logprobs, 1) }),
      ...(reasoning !== undefined && { preserved_tokens: markerTokens(reasoning) }),
      response_fields: LAST_EVENT_FIELDS,
      return_tokens: true,
      // The first progress event has the number of cached tokens.
      return_progress: true,
    },
    signal,
  );
  yield* answer.read(readEvents(body));
}

interface Limit {
  readonly tokens: number;
  readonly name: string;
}

function limitOf(request: CompletionRequest, properties: ModelProperties): Limit {
  const { prompt, sampling } = request;
  const { maxTokens } = sampling;
  const left = contextLengthOf(properties, request) - prompt.tokens.length - prompt.resumed.length;
  if (maxTokens === undefined || maxTokens > left) return { tokens: left, name: 'context' };
  return { tokens: maxTokens, name: 'maxTokens' };
}

interface CompletionOptions {
  readonly limit: Limit;
  readonly reasoning: AnswerReasoning | undefined;
  readonly signal: AbortSignal;
}

class Completion {
  readonly #server: ModelServer;
  readonly #request: CompletionRequest;
  readonly #limit: Limit;
  readonly #signal: AbortSignal;
  readonly #filter: TextFilter;
  #predicted = 0;
  #cachedTokens: number | undefined;

  constructor(server: ModelServer, request: CompletionRequest, { limit, reasoning, signal }: CompletionOptions) {
    this.#server = server;
    this.#request = request;
    this.#limit = limit;
    this.#signal = signal;
    this.#filter = new TextFilter(request, reasoning);
  }

  async *read(batches: AsyncIterable<readonly JsonObject[]>): AsyncGenerator<InferenceEvent, undefined> {
    for await (const events of batches) {
      const output: (ReasoningEvent | TextEvent)[] = [];
      for (const event of events) {
        if (event['stop'] === true) {
          const end = this.#end(event);
          yield* emit([...output, ...end.rest]);
          return yield end.finish;
        }
        const piece = this.#pieceOf(event);
        if (piece === undefined) continue;
        const whole = 'then' in piece ? await piece : piece;
        output.push(...this.#filter.push(whole));
        if (this.#filter.stopped) {
          yield* emit(output);
          return yield this.finish('stop', 'stop string', this.#predicted);
        }
      }
      yield* emit(output);
    }
    throw failures.brokenOff('The stream ended before the answer did.');
  }

  finish(reason: FinishEvent['reason'], rawReason: string, completionTokens: number): InferenceEvent {
    const { prompt, model } = this.#request;
    const promptTokens = prompt.tokens.length;
    const usage: Usage = {
      promptTokens,
      completionTokens,
      ...(this.#cachedTokens !== undefined && { cachedTokens: Math.min(this.#cachedTokens, promptTokens) }),
    };
    return { type: 'finish', reason, rawReason, usage, model };
  }

  #pieceOf(event: JsonObject): Piece | Promise<Piece> | undefined {
    const progress = objectIn(event, 'prompt_progress');
    if (progress !== undefined) {
      this.#cachedTokens = countIn(progress, 'cache');
      return undefined;
    }
    const error = objectIn(event, 'error');
    if (error !== undefined) throw refused(countIn(error, 'code') ?? 0, event);
    const { content: text, tokens } = event;
    if (typeof text !== 'string' || !Array.isArray(tokens)) throw failures.unreadable('A piece has no text or tokens.');
    const token: unknown = tokens[0];
    if (typeof token !== 'number') throw failures.unreadable('A piece has no token.');
    const before = this.#predicted;
    this.#predicted = countIn(event, 'tokens_predicted') ?? before + 1;
    const logprobs = this.#logprobsOf(event);
    if (this.#predicted === before + 1) return { text, tokens: [token], ...logprobs };
    return this.#withAllTokens(text, token, this.#predicted - before);
  }

  /**
   * llama-server waits for whole characters, and sends only the last id of a character of several tokens. The other ids are
   * found by tokenizing the character again. Their log probabilities are not available.
   */
  async #withAllTokens(text: string, last: number, count: number): Promise<Piece> {
    if (this.#request.logprobs !== undefined) return { text, tokens: [] };
    const tokens = await tokenize(this.#server, text, 'as plain text', this.#signal);
    const isSame = tokens.at(-1) === last && tokens.length >= count;
    // A tokenizer may add a space before the first word.
    return { text, tokens: isSame ? tokens.slice(-count) : tokens };
  }

  #logprobsOf(event: JsonObject): { readonly logprobs?: readonly SampledLogprob[] | undefined } {
    const { logprobs: top } = this.#request;
    return top === undefined ? {} : { logprobs: readLogprobs(objectsIn(event, 'completion_probabilities'), top) };
  }

  #end(event: JsonObject): { readonly rest: readonly (ReasoningEvent | TextEvent)[]; readonly finish: InferenceEvent } {
    this.#cachedTokens = countIn(event, 'timings/cache_n') ?? this.#cachedTokens;
    const predicted = countIn(event, 'tokens_predicted') ?? this.#predicted;
    const rawReason = textIn(event, 'stop_type') ?? 'none';
    const rest = this.#filter.end();
    if (this.#filter.stopped) return { rest, finish: this.finish('stop', 'stop string', predicted) };
    if (rawReason === 'limit') {
      return { rest, finish: this.finish('length', this.#limit.name, predicted) };
    }
    if (rawReason !== 'eos') throw failures.brokenOff(`llama-server ended with ${rawReason}.`);
    return {
      rest: withoutLast(rest),
      finish: this.finish('stop', 'end of generation', Math.max(predicted - 1, 0)),
    };
  }
}

/** Texts that were received together become one event, and so do pieces of reasoning. */
function emit(output: readonly (ReasoningEvent | TextEvent)[]): readonly InferenceEvent[] {
  const events: (ReasoningEvent | TextEvent)[] = [];
  for (const event of output) {
    const last = events.at(-1);
    if (last?.type === event.type) events[events.length - 1] = joined(last, event);
    else events.push(event);
  }
  return events;
}

function joined(one: ReasoningEvent | TextEvent, other: ReasoningEvent | TextEvent): ReasoningEvent | TextEvent {
  const logprobs = [one, other].flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
  return {
    type: one.type,
    text: one.text + other.text,
    tokens: [...one.tokens, ...other.tokens],
    ...(logprobs.length > 0 && { logprobs }),
  };
}

/** Removes the token that ended the answer. It has no text and is not part of the answer. */
function withoutLast(events: readonly (ReasoningEvent | TextEvent)[]): readonly (ReasoningEvent | TextEvent)[] {
  const last = events.at(-1);
  if (last === undefined) return [];
  const rest = { ...last, tokens: last.tokens.slice(0, -1) };
  if (rest.type === 'text' && rest.logprobs !== undefined) rest.logprobs = rest.logprobs.slice(0, -1);
  return rest.text === '' && rest.tokens.length === 0 ? events.slice(0, -1) : [...events.slice(0, -1), rest];
}
