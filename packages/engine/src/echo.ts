import { setImmediate, setTimeout } from 'node:timers/promises';
import { StopFilter } from '@shoal/chat/stop-filter';
import type { Ability, FinishReason, InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest, Input } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Engine } from './engine.ts';
import { modelForRequest } from './request-check.ts';

export interface EchoOptions {
  /** Default: as fast as the consumer reads. */
  readonly tokensPerSecond?: number | undefined;
  /** Generations that run at the same time; any number is possible. */
  readonly slots?: number | undefined;
  /** The id of its only model. */
  readonly model?: string | undefined;
}

const DEFAULT_SLOTS = 4;
const ABILITIES: readonly Ability[] = ['messages', 'prompt', 'tokens', 'count'];
/** Words in a row before timers and sockets get their turn. */
const WORDS_PER_BREATH = 64;

/**
 * Creates an engine without a model: it answers with the last message of the user, one word at a time, each with the space
 * behind it. For trying out a network, for tests and for measuring everything but a model.
 */
export function createEcho(options: EchoOptions = {}): Engine {
  return new Echo(options);
}

class Echo implements Engine {
  readonly name = 'echo';
  readonly abilities;
  readonly #model: string;
  readonly #msPerWord: number;
  readonly #closing = new AbortController();

  constructor({ tokensPerSecond, slots = DEFAULT_SLOTS, model = 'echo' }: EchoOptions) {
    this.abilities = { slots, resume: 'text' } as const;
    this.#model = model;
    this.#msPerWord = tokensPerSecond === undefined ? 0 : 1_000 / tokensPerSecond;
  }

  models() {
    return Promise.resolve([{ id: this.#model, abilities: ABILITIES }]);
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    try {
      modelForRequest(request, await this.models());
      yield* this.#answer(request, signal);
    } catch (error) {
      yield { type: 'error', error: ShoalError.from(error) };
    }
  }

  close() {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#answer(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    const promptTokens = countWords(request.input);
    if (request.countOnly === true) {
      const usage = { promptTokens, completionTokens: 0 };
      return yield { type: 'finish', reason: 'stop', rawReason: 'count', usage, model: this.#model };
    }
    const words = splitWords(restOfAnswer(request));
    const limit = limitOf(request, promptTokens);
    const stops = new StopFilter(request.stop);
    // Only pauses need it, and it costs more than an answer of some words.
    const ended = this.#msPerWord === 0 ? signal : AbortSignal.any([signal, this.#closing.signal]);
    const began = performance.now();
    let count = 0;
    const finish = (reason: FinishReason, rawReason: string): InferenceEvent => ({
      type: 'finish',
      reason,
      rawReason,
      usage: { promptTokens, completionTokens: count },
      model: this.#model,
    });
    for (const word of words) {
      if (count >= limit.words) break;
      await this.#pause(count, began, ended);
      if (this.#closing.signal.aborted) throw ShoalError.aborted('The engine was closed.');
      if (signal.aborted) return yield finish('abort', 'signal');
      count++;
      const piece = stops.push({ text: word, tokens: [] });
      if (piece !== undefined) yield { type: 'text', ...piece };
      if (stops.stopped) return yield finish('stop', 'stop string');
    }
    const rest = stops.end();
    if (rest !== undefined) yield { type: 'text', ...rest };
    if (stops.stopped) return yield finish('stop', 'stop string');
    yield count < words.length ? finish('length', limit.name) : finish('stop', 'end');
  }

  /** Resolves when the next word is due, or when the signal is aborted. */
  async #pause(count: number, began: number, signal: AbortSignal): Promise<void> {
    const dueInMs = began + count * this.#msPerWord - performance.now();
    if (dueInMs > 0) {
      await setTimeout(dueInMs, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    } else if (count % WORDS_PER_BREATH === WORDS_PER_BREATH - 1) {
      await setImmediate();
    }
  }
}

/** The most words of the answer. Throws `CONTEXT_EXCEEDED`. */
function limitOf(
  { sampling: { maxTokens = Infinity }, contextLength = Infinity, resume }: InferenceRequest,
  promptWords: number,
) {
  const used = promptWords + splitWords(resume?.text ?? '').length;
  if (used >= contextLength) throw ShoalError.contextExceeded(used, contextLength);
  const left = contextLength - used;
  return maxTokens > left ? { words: left, name: 'context' } : { words: maxTokens, name: 'maxTokens' };
}

/** The whole answer, or the part that follows the text to resume. */
function restOfAnswer({ input, resume }: InferenceRequest): string {
  const answer = lastMessage(input);
  if (resume === undefined) return answer;
  if (!answer.startsWith(resume.text)) {
    throw ShoalError.invalidRequest('The text to resume is not the beginning of this answer.');
  }
  return answer.slice(resume.text.length);
}

function lastMessage(input: Input): string {
  switch (input.type) {
    case 'messages':
      return input.messages.findLast(({ role }) => role === 'user')?.content ?? '';
    case 'text':
      return input.text;
    case 'tokens':
      return input.tokens.join(' ');
    case 'embeddings':
      return input.texts.join(' ');
  }
}

function countWords(input: Input): number {
  switch (input.type) {
    case 'messages':
      return input.messages.reduce((sum, { content }) => sum + splitWords(content).length, 0);
    case 'text':
      return splitWords(input.text).length;
    case 'tokens':
      return input.tokens.length;
    case 'embeddings':
      return input.texts.reduce((sum, text) => sum + splitWords(text).length, 0);
  }
}

/** Words with the space behind them; joined they are the text. */
function splitWords(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}
