import {
  type SampledLogprob,
  type FinishEvent,
  type InferenceEvent,
  type InferenceRequest,
  type JsonObject,
  ShoalError,
  type Usage,
} from '@shoal/protocol';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { type Piece, StopFilter } from '@shoal/chat/stop-filter';
import { failures, refused } from './errors.ts';
import { readEvents } from './event-stream.ts';
import { type ModelFacts, tokenize } from './facts.ts';
import { readLogprobs } from './logprobs.ts';
import { grammarOf, type Prompt } from './prompt.ts';
import { samplingInWords } from './sampling.ts';
import { openStream } from './stream.ts';

/** Of the last event only these are wanted: the others repeat the prompt and every setting. */
const WANTED_OF_THE_END = ['stop', 'stop_type', 'tokens_predicted', 'timings/cache_n'];

export interface CompletionOrder extends Pick<InferenceRequest, 'sampling' | 'stop' | 'format' | 'logprobs'> {
  readonly model: string;
  readonly prompt: Prompt;
}

/**
 * The answer to ids, by `POST /completion`: text with the ids that it was decoded from. Stop strings are looked for here,
 * so that every token that is given out decodes to the text that is given out.
 */
export async function* complete(
  server: ModelServer,
  facts: ModelFacts,
  order: CompletionOrder,
  signal: AbortSignal,
): AsyncGenerator<InferenceEvent, undefined> {
  const { prompt, sampling, format, logprobs } = order;
  const limit = limitOf(order, facts);
  const answer = new Completion(server, order, limit, signal);
  if (limit.tokens === 0) return yield answer.finish('length', limit.name, 0);
  const grammar = grammarOf(format);
  if (grammar !== undefined && prompt.resumed.length > 0) {
    // It would be followed from its beginning again.
    throw ShoalError.generationFailed('An answer in a format that was begun elsewhere cannot be gone on with here.');
  }
  const body = await openStream(
    server,
    'completion',
    {
      prompt: [...prompt.tokens, ...prompt.resumed],
      n_predict: limit.tokens,
      ...samplingInWords(sampling),
      ...(grammar !== undefined && { grammar }),
      ...(logprobs !== undefined && { n_probs: Math.max(logprobs, 1) }),
      response_fields: WANTED_OF_THE_END,
      return_tokens: true,
      // The first of these events says what of the prompt was still in memory.
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

function limitOf({ prompt, sampling: { maxTokens } }: CompletionOrder, { contextLength }: ModelFacts): Limit {
  const left = contextLength - prompt.tokens.length - prompt.resumed.length;
  if (maxTokens === undefined || maxTokens > left) return { tokens: left, name: 'context' };
  return { tokens: maxTokens, name: 'maxTokens' };
}

class Completion {
  readonly #server: ModelServer;
  readonly #order: CompletionOrder;
  readonly #limit: Limit;
  readonly #signal: AbortSignal;
  readonly #stops: StopFilter;
  #predicted = 0;
  #cachedTokens: number | undefined;

  constructor(server: ModelServer, order: CompletionOrder, limit: Limit, signal: AbortSignal) {
    this.#server = server;
    this.#order = order;
    this.#limit = limit;
    this.#signal = signal;
    this.#stops = new StopFilter(order.stop);
  }

  async *read(lumps: AsyncIterable<readonly JsonObject[]>): AsyncGenerator<InferenceEvent, undefined> {
    for await (const events of lumps) {
      const said: Piece[] = [];
      for (const event of events) {
        if (event['stop'] === true) {
          const end = this.#end(event);
          yield* this.#say([...said, ...end.rest]);
          return yield end.finish;
        }
        const piece = this.#pieceOf(event);
        if (piece === undefined) continue;
        const whole = 'then' in piece ? await piece : piece;
        const sure = this.#stops.push(whole);
        if (sure !== undefined) said.push(sure);
        if (this.#stops.stopped) {
          yield* this.#say(said);
          return yield this.finish('stop', 'stop string', this.#predicted);
        }
      }
      yield* this.#say(said);
    }
    throw failures.brokenOff('The stream ended before the answer did.');
  }

  finish(reason: FinishEvent['reason'], rawReason: string, completionTokens: number): InferenceEvent {
    const { prompt, model } = this.#order;
    const promptTokens = prompt.tokens.length;
    const usage: Usage = {
      promptTokens,
      completionTokens,
      ...(this.#cachedTokens !== undefined && { cachedTokens: Math.min(this.#cachedTokens, promptTokens) }),
    };
    return { type: 'finish', reason, rawReason, usage, model };
  }

  /** What came together is said together. */
  *#say(pieces: readonly Piece[]): Generator<InferenceEvent> {
    const [first, ...others] = pieces;
    if (first === undefined) return;
    if (others.length === 0) return yield { type: 'text', ...first };
    yield {
      type: 'text',
      text: pieces.map(({ text }) => text).join(''),
      tokens: pieces.flatMap(({ tokens }) => tokens),
      ...(this.#order.logprobs !== undefined && { logprobs: pieces.flatMap(({ logprobs = [] }) => logprobs) }),
    };
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
    return this.#withUnsaid(text, token, this.#predicted - before);
  }

  /**
   * llama-server waits for whole characters, and says the id of the last token alone of those that are one: the others are
   * found by cutting the character up again. How likely those were is not to be had.
   */
  async #withUnsaid(text: string, last: number, count: number): Promise<Piece> {
    if (this.#order.logprobs !== undefined) return { text, tokens: [] };
    const tokens = await tokenize(this.#server, text, 'as plain text', this.#signal);
    const isSame = tokens.at(-1) === last && tokens.length >= count;
    // A tokenizer may put a space before the first word that it sees.
    return { text, tokens: isSame ? tokens.slice(-count) : tokens };
  }

  #logprobsOf(event: JsonObject): { readonly logprobs?: readonly SampledLogprob[] | undefined } {
    const { logprobs: top } = this.#order;
    return top === undefined ? {} : { logprobs: readLogprobs(objectsIn(event, 'completion_probabilities'), top) };
  }

  #end(event: JsonObject): { readonly rest: readonly Piece[]; readonly finish: InferenceEvent } {
    this.#cachedTokens = countIn(event, 'timings/cache_n') ?? this.#cachedTokens;
    const predicted = countIn(event, 'tokens_predicted') ?? this.#predicted;
    const rawReason = textIn(event, 'stop_type') ?? 'none';
    const rest = this.#stops.end();
    if (rawReason === 'limit') {
      return { rest: rest === undefined ? [] : [rest], finish: this.finish('length', this.#limit.name, predicted) };
    }
    if (rawReason !== 'eos') throw failures.brokenOff(`llama-server ended with ${rawReason}.`);
    return {
      rest: rest === undefined ? [] : withoutLast(rest),
      finish: this.finish('stop', 'end of generation', Math.max(predicted - 1, 0)),
    };
  }
}

/** The token that ended the answer has no text, so that it was held back: it is no part of the answer. */
function withoutLast({ text, tokens, logprobs }: Piece): readonly Piece[] {
  const rest = {
    text,
    tokens: tokens.slice(0, -1),
    ...(logprobs !== undefined && { logprobs: logprobs.slice(0, -1) }),
  };
  return text === '' ? [] : [rest];
}
