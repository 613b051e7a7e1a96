import { type InferenceEvent, MAX_DEADLINE_MS } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { RequestLink } from '@shoal/transport';

/**
 * The first token of a worker may take this long, and longer after a long prompt. Loading a model of 60 GB from a disk with
 * 100 MB/s takes as long, and engines give up a load after it.
 */
export const FIRST_TOKEN_TIMEOUT_MS = 600_000;
/** The first token of a worker that has just answered with the model, which is in its memory, may take this long. */
export const WARM_FIRST_TOKEN_TIMEOUT_MS = 120_000;
/**
 * The next token of a running answer may take this long. Between two tokens a slow worker may read a part of another prompt:
 * 512 tokens at 10 per second take 51 s.
 */
export const TOKEN_GAP_TIMEOUT_MS = 120_000;
/**
 * The next token may take this long if the model may generate something before it that is sent whole or not at all, such as a
 * tool call or reasoning: 2,000 tokens at 3 per second take 11 minutes.
 */
export const HIDDEN_TIMEOUT_MS = 900_000;
/**
 * A request may wait this long at one place of a queue. An answer of 4,096 tokens, the most by default, takes 23 minutes at 3
 * tokens per second, and nobody moves up during it.
 */
export const QUEUE_PLACE_TIMEOUT_MS = 1_800_000;

/** The longest time that a model is taken to stay in memory after an answer. Nodes keep it for 5 minutes by default. */
const WARM_MS = 240_000;
/**
 * The time of a character of the prompt at a worker that has shown nothing, such as a large model on a CPU: 5 tokens per second
 * of 4 characters, or 20 where every character is a token.
 */
const PROMPT_CHARACTER_MS = 50;
/** A worker may become slower than it has shown by this factor, because others use it too. */
const SLOWER_FACTOR = 10;
/** Shorter prompts show nothing of the time that a long one takes. */
const MEASURED_PROMPT_TOKENS = 256;
/** Models of one worker whose pace is known. */
const MODELS_MAX = 64;

/** The pace that a worker has shown with one model. A slow answer counts half with each later one. */
export class ModelPace {
  #characterMs = 0;
  #gapMs = 0;
  #lastTokenAt = -Infinity;

  /** A token has arrived at time `now`, `gapMs` after the one before it, if the answer had one. */
  token(now: number, gapMs: number | undefined): void {
    this.#lastTokenAt = now;
    if (gapMs !== undefined) this.#gapMs = Math.max(this.#gapMs, gapMs);
  }

  /** An answer is complete. Its prompt of so many characters was evaluated in `ms`, if that was measured. */
  answered(prompt: { readonly ms: number; readonly characters: number } | undefined): void {
    this.#gapMs /= 2;
    if (prompt !== undefined) {
      this.#characterMs = Math.max(prompt.ms / prompt.characters, this.#characterMs / 2);
    }
  }

  /** True if the model is in the worker's memory, as far as its last answer shows. */
  isWarm(now: number): boolean {
    return now - this.#lastTokenAt < WARM_MS;
  }

  /** Milliseconds that the worker may need to evaluate a prompt of so many characters. */
  promptMs(characters: number): number {
    return characters * (this.#characterMs === 0 ? PROMPT_CHARACTER_MS : SLOWER_FACTOR * this.#characterMs);
  }

  /** Milliseconds that the worker may need between two tokens. */
  get tokenGapMs(): number {
    return Math.max(TOKEN_GAP_TIMEOUT_MS, SLOWER_FACTOR * this.#gapMs);
  }
}

const PACES = new WeakMap<RequestLink, Map<string, ModelPace>>();

/** Returns the pace of a model (its digest or id) at the worker of a connection. It is forgotten with the connection. */
export function paceOf(link: RequestLink, model: string): ModelPace {
  const paces = PACES.get(link) ?? new Map<string, ModelPace>();
  PACES.set(link, paces);
  const known = paces.get(model);
  if (known !== undefined) return known;
  const [oldest] = paces.keys();
  if (oldest !== undefined && paces.size >= MODELS_MAX) paces.delete(oldest);
  const pace = new ModelPace();
  paces.set(model, pace);
  return pace;
}

export interface SilenceOptions {
  readonly request: InferenceRequest;
  readonly pace: ModelPace;
  /** Replaces the limits of an answer, not those of a queue. Infinity: none. In milliseconds. */
  readonly timeoutMs?: number | undefined;
}

/**
 * The silence that one worker's answer may have. Places in the queue count while they fall, and parts of the answer; messages
 * that only show that the worker lives do not. The times of a reader that does not ask for events are left out.
 */
export class AnswerSilence {
  readonly #options: SilenceOptions;
  readonly #characters: number;
  /** The time of the last progress, or of the worker's first event. */
  #progressAt: number;
  /** The time of the last event. */
  #eventAt: number;
  #limitMs = 0;
  #waitedMs = 0;
  #place = Infinity;
  #hasBegun = false;

  constructor(options: SilenceOptions, now: number) {
    this.#options = options;
    this.#characters = promptCharacters(options.request);
    this.#progressAt = now;
    this.#eventAt = now;
  }

  /** The reader waits for the next event. Returns the time at which the worker has been silent for too long. */
  waiting(now: number): number {
    this.#progressAt += now - this.#eventAt;
    this.#eventAt = now;
    this.#limitMs = this.#limit(now);
    return this.#progressAt + this.#limitMs;
  }

  /** The limit of the last wait, in milliseconds. */
  get limitMs(): number {
    return this.#limitMs;
  }

  received(event: InferenceEvent, now: number): void {
    const sinceMs = now - this.#progressAt;
    this.#eventAt = now;
    if (event.type === 'finish') return this.#finished(event.usage);
    if (event.type === 'queued' ? event.position >= this.#place : !isPart(event)) return;
    this.#progressAt = now;
    if (event.type === 'queued') {
      this.#place = event.position;
      return;
    }
    if (!this.#hasBegun) this.#waitedMs = sinceMs;
    this.#options.pace.token(now, this.#hasBegun ? sinceMs : undefined);
    this.#hasBegun = true;
  }

  #limit(now: number): number {
    const { pace, request, timeoutMs } = this.#options;
    const isFirst = !this.#hasBegun || request.input.type === 'embeddings';
    const loading = pace.isWarm(now) ? WARM_FIRST_TOKEN_TIMEOUT_MS : FIRST_TOKEN_TIMEOUT_MS;
    const adaptive = isFirst ? loading + pace.promptMs(this.#characters) : pace.tokenGapMs;
    const own = timeoutMs ?? (mayHide(request) ? Math.max(adaptive, HIDDEN_TIMEOUT_MS) : adaptive);
    const isQueued = this.#place < Infinity && !this.#hasBegun;
    return Math.min(isQueued ? Math.max(own, QUEUE_PLACE_TIMEOUT_MS) : own, MAX_DEADLINE_MS);
  }

  /** An answer that waited in a queue, or whose prompt was in the worker's memory, shows nothing of the time for its prompt. */
  #finished(usage: { readonly promptTokens: number; readonly cachedTokens?: number | undefined } | undefined): void {
    const { promptTokens = 0, cachedTokens = promptTokens } = usage ?? {};
    const evaluated = promptTokens - cachedTokens;
    const isMeasured = this.#hasBegun && this.#place === Infinity && evaluated >= MEASURED_PROMPT_TOKENS;
    const characters = (this.#characters * evaluated) / promptTokens;
    this.#options.pace.answered(isMeasured ? { ms: this.#waitedMs, characters } : undefined);
  }
}

/** An engine may generate for long what it sends whole or not at all: a tool call, and reasoning that nobody wants. */
function mayHide({ tools = [], reasoning }: InferenceRequest): boolean {
  return tools.length > 0 || reasoning === false;
}

/** True for an event that shows that the model generates. An empty text without tokens does not. */
function isPart(event: InferenceEvent): boolean {
  switch (event.type) {
    case 'text':
    case 'reasoning':
      return event.text !== '' || event.tokens.length > 0;
    case 'tool_call':
      return event.arguments !== '' || event.name !== undefined || event.tokens.length > 0;
    case 'embedding':
      return true;
    case 'queued':
    case 'finish':
    case 'error':
      return false;
    default:
      return event satisfies never;
  }
}

/** The length of a request's prompt, tools included. Token ids count as 4 characters each. */
function promptCharacters({ input, tools = [], resume }: InferenceRequest): number {
  const more = (resume?.text.length ?? 0) + (tools.length === 0 ? 0 : JSON.stringify(tools).length);
  switch (input.type) {
    case 'messages':
      return more + input.messages.reduce((sum, { content }) => sum + content.length, 0);
    case 'text':
      return more + input.text.length;
    case 'tokens':
      return more + 4 * input.tokens.length;
    case 'embeddings':
      return more + input.texts.reduce((sum, text) => sum + text.length, 0);
    default:
      return input satisfies never;
  }
}
