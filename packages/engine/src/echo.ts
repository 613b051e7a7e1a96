import { setImmediate, setTimeout } from 'node:timers/promises';
import {
  type Ability,
  type FinishReason,
  type InferenceEvent,
  type InferenceRequest,
  type Input,
  ShoalError,
} from '@shoal/protocol';
import type { Engine } from './engine.ts';
import { checkRequest } from './request-check.ts';
import { StopFilter } from '@shoal/chat/stop-filter';

export interface EchoOptions {
  /** How fast it speaks; absent: as fast as it is listened to. */
  readonly tokensPerSecond?: number | undefined;
  /** Generations that run at once; it has room for any number. */
  readonly slots?: number | undefined;
  /** The name of its one model. */
  readonly model?: string | undefined;
}

const DEFAULT_SLOTS = 4;
const ABILITIES: readonly Ability[] = ['messages', 'prompt', 'tokens'];
/** Words said in a row before timers and sockets get their turn. */
const WORDS_PER_BREATH = 64;

/**
 * An engine without a model: it answers with the last thing that the user said, a word (with the space behind it) at a
 * time. For trying a network out, for tests and for measuring everything but the model.
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
      checkRequest(request, await this.models());
      yield* this.#speak(request, signal);
    } catch (error) {
      yield { type: 'error', error: ShoalError.from(error) };
    }
  }

  close() {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#speak(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    const words = splitWords(remainder(request));
    const limit = request.sampling.maxTokens ?? Infinity;
    const stops = new StopFilter(request.stop);
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    const began = performance.now();
    let said = 0;
    const finish = (reason: FinishReason, rawReason: string): InferenceEvent => ({
      type: 'finish',
      reason,
      rawReason,
      usage: { promptTokens: countWords(request.input), completionTokens: said },
      model: this.#model,
    });
    for (const word of words) {
      if (said >= limit) break;
      await this.#wait(said, began, ended);
      if (this.#closing.signal.aborted) throw ShoalError.aborted('The engine was closed.');
      if (signal.aborted) return yield finish('abort', 'signal');
      said++;
      const piece = stops.push({ text: word, tokens: [] });
      if (piece !== undefined) yield { type: 'text', ...piece };
      if (stops.stopped) return yield finish('stop', 'stop string');
    }
    const rest = stops.end();
    if (rest !== undefined) yield { type: 'text', ...rest };
    yield said < words.length ? finish('length', 'maxTokens') : finish('stop', 'end');
  }

  /** Until the next word is due or the signal comes. */
  async #wait(said: number, began: number, signal: AbortSignal): Promise<void> {
    const dueInMs = began + said * this.#msPerWord - performance.now();
    if (dueInMs > 0) {
      await setTimeout(dueInMs, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    } else if (said % WORDS_PER_BREATH === WORDS_PER_BREATH - 1) {
      await setImmediate();
    }
  }
}

/** What is to be said, less what was said already. */
function remainder({ input, resume }: InferenceRequest): string {
  const answer = lastSaid(input);
  if (resume === undefined) return answer;
  if (!answer.startsWith(resume.text)) {
    throw ShoalError.invalidRequest('The text to resume is not the beginning of this answer.');
  }
  return answer.slice(resume.text.length);
}

function lastSaid(input: Input): string {
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

/** Words with the space behind them; together they are the text. */
function splitWords(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}
