import { type FinishReason, type Sampling, ShoalError } from '@shoal/protocol';
import type { LlamaContextSequence, SequenceEvaluateOptions } from 'node-llama-cpp';
import { type Piece, StopFilter } from '../stop-filter.ts';
import type { GenerateOrder } from './messages.ts';
import type { Model } from './model.ts';
import { tokenizeInput, tokenizeResume } from './prompt.ts';
import type { Rounds } from './rounds.ts';
import { TokenText } from './token-text.ts';

/** The prompt is evaluated in pieces of so many tokens; between them an abort is noticed. */
const PROMPT_PIECE_TOKENS = 128;
/** What applies where request and model file leave it open: llama.cpp's own defaults, a little cooler. */
const DEFAULT_SAMPLING = { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05 } as const;
const SEED_VALUES = 2 ** 32;

/** Where an answer goes while it comes into being. */
export interface AnswerSink {
  readonly aborted: boolean;
  began(promptTokens: number): void;
  text(piece: Piece): void;
  finish(reason: FinishReason, rawReason: string, completionTokens: number): void;
  /** False while the consumer is too far behind; `room` resolves once it has caught up, or the request is aborted. */
  readonly hasRoom: boolean;
  room(): Promise<void>;
}

/** Runs one request on a sequence that it has for itself, and leaves the sequence empty. Throws `ShoalError`. */
export async function generate(
  model: Model,
  sequence: LlamaContextSequence,
  order: GenerateOrder,
  sink: AnswerSink,
  rounds: Rounds,
): Promise<void> {
  const prompt = tokenizeInput(model, order.input);
  const read = order.resume === undefined ? prompt : [...prompt, ...tokenizeResume(model, order.resume)];
  const { contextLength } = model.loaded;
  if (read.length === 0) throw ShoalError.invalidRequest('The request has no tokens to answer.');
  if (read.length >= contextLength) throw ShoalError.contextExceeded(read.length, contextLength);
  const limit = limits(order.sampling, contextLength - read.length);
  sink.began(prompt.length);
  rounds.join();
  try {
    let at = 0;
    for (; read.length - at > PROMPT_PIECE_TOKENS; at += PROMPT_PIECE_TOKENS) {
      await rounds.next();
      if (sink.aborted) return;
      await sequence.evaluateWithoutGeneratingNewTokens(read.slice(at, at + PROMPT_PIECE_TOKENS));
    }
    await rounds.next();
    if (sink.aborted) return;
    const tokens = sequence.evaluate(read.slice(at), samplingOptions(order.sampling, model.sampling));
    const answer = new TokenText(model.detokenize, read);
    await speak(paced(tokens, rounds, sink), answer, new StopFilter(order.stop), limit, sink);
  } finally {
    rounds.leave();
    await sequence.clearHistory();
  }
}

/** Takes each token but the first in step with the other generations, and none while the consumer is behind. */
async function* paced<Token>(tokens: AsyncIterable<Token>, rounds: Rounds, sink: AnswerSink): AsyncGenerator<Token> {
  for await (const token of tokens) {
    yield token;
    if (!sink.hasRoom) {
      rounds.leave();
      await sink.room();
      rounds.join();
    }
    await rounds.next();
    if (sink.aborted) return;
  }
}

interface Limit {
  readonly tokens: number;
  readonly name: string;
}

function limits({ maxTokens }: Sampling, contextLeft: number): Limit {
  if (maxTokens === undefined || maxTokens > contextLeft) return { tokens: contextLeft, name: 'context' };
  return { tokens: maxTokens, name: 'maxTokens' };
}

async function speak<Token extends number>(
  tokens: AsyncIterable<Token>,
  text: TokenText<Token>,
  stops: StopFilter,
  limit: Limit,
  sink: AnswerSink,
): Promise<void> {
  const say = (piece: Piece | undefined) => {
    if (piece !== undefined) sink.text(piece);
  };
  const hear = (piece: Piece | undefined) => {
    if (piece !== undefined) say(stops.push(piece));
  };
  let count = 0;
  if (limit.tokens > 0) {
    for await (const token of tokens) {
      if (sink.aborted) return;
      count++;
      hear(text.push(token));
      if (stops.stopped || count === limit.tokens) break;
    }
  }
  if (sink.aborted) return;
  if (!stops.stopped) hear(text.end());
  if (stops.stopped) return sink.finish('stop', 'stop string', count);
  say(stops.end());
  if (count === limit.tokens) sink.finish('length', limit.name, count);
  else sink.finish('stop', 'end of generation', count);
}

function samplingOptions(sampling: Sampling, ofModel: Sampling): SequenceEvaluateOptions {
  const { temperature, topK, topP, minP } = { ...DEFAULT_SAMPLING, ...ofModel, ...sampling };
  const seed = sampling.seed ?? Math.floor(Math.random() * SEED_VALUES);
  return { temperature, topK, topP, minP, seed: Math.abs(seed) % SEED_VALUES };
}
