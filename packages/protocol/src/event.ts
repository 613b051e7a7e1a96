import type { ShoalError } from './error.ts';

/**
 * The reason why an answer ended without an error: the model ended it or a stop string was found (`stop`), a limit of tokens
 * or context was reached (`length`), the model waits for tool results (`tool_calls`), or the client cancelled (`abort`).
 */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'abort';

/** The `rawReason` of an engine that found a stop string of the request. */
export const STOP_STRING_REASON = 'stop string';

export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens that were still in memory. Undefined if the engine does not report them. */
  readonly cachedTokens?: number | undefined;
  /** Tokens generated for this request, without those of `resume`. */
  readonly completionTokens: number;
}

export interface FinishEvent {
  readonly type: 'finish';
  readonly reason: FinishReason;
  /** The reason as the engine or the peer reported it. */
  readonly rawReason: string;
  /** Undefined if the peer's dialect does not carry it. */
  readonly usage?: Usage | undefined;
  /** SHA-256 of the whole text in hex, including `resume`. */
  readonly outputSha256?: string | undefined;
  /** The model that answered, as the worker reports it. */
  readonly model?: string | undefined;
}

/** The natural logarithm of a token's probability, before any sampling option is applied. */
export interface TokenLogprob {
  /** Undefined if the engine reports only the text. */
  readonly token?: number | undefined;
  /** The token as text, with U+FFFD for bytes that are not a whole character. */
  readonly text: string;
  readonly logprob: number;
}

/** A sampled token and the likeliest tokens at its position, the likeliest first. */
export interface SampledLogprob extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/**
 * A piece of text, never cut inside a character. `tokens` are the ids that the text was decoded from, and empty if they are
 * unknown. The text is empty only if the ids have no text of their own, or are those of reasoning that is not sent.
 */
export interface TextEvent {
  readonly type: 'text';
  readonly text: string;
  readonly tokens: readonly number[];
  /** If requested: one per token, including tokens whose ids the engine does not report. */
  readonly logprobs?: readonly SampledLogprob[] | undefined;
}

/**
 * A piece of the model's reasoning before its answer. Sent only if the request has `reasoning: true`. The text is empty only if
 * the ids have no text of their own, as those of the markers around reasoning.
 */
export interface ReasoningEvent {
  readonly type: 'reasoning';
  readonly text: string;
  readonly tokens: readonly number[];
}

/**
 * A piece of a tool call. The first piece of an `index` has `id` and `name`. The `arguments` of all its pieces together are
 * the JSON text. `tokens` are the ids that the piece was decoded from. Indexes start at 0.
 */
export interface ToolCallEvent {
  readonly type: 'tool_call';
  readonly index: number;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly arguments: string;
  readonly tokens: readonly number[];
}

/** The vector, of length 1, for the requested text at `index`. */
export interface EmbeddingEvent {
  readonly type: 'embedding';
  readonly index: number;
  readonly vector: readonly number[];
}

/**
 * An event of an answer. An answer has any number of `queued`, `reasoning`, `text`, `tool_call` and, in order, `embedding`
 * events, then exactly one `finish` or `error`. Reasoning comes before text and tool calls.
 */
export type InferenceEvent =
  | { readonly type: 'queued'; readonly position: number }
  | ReasoningEvent
  | TextEvent
  | ToolCallEvent
  | EmbeddingEvent
  | FinishEvent
  | { readonly type: 'error'; readonly error: ShoalError };

export type TerminalEvent = Extract<InferenceEvent, { type: 'finish' | 'error' }>;

export function isTerminal(event: InferenceEvent): event is TerminalEvent {
  return event.type === 'finish' || event.type === 'error';
}

/** The longest text of one event, in UTF-16 units. */
export const TEXT_LENGTH_MAX = 16 * 1024;

/** Splits a text that is too long for one event, never inside a character. The last event has all tokens and logprobs. */
export function cutText(event: TextEvent): readonly TextEvent[] {
  const { text } = event;
  if (text.length <= TEXT_LENGTH_MAX) return [event];
  const events: TextEvent[] = [];
  let start = 0;
  while (text.length - start > TEXT_LENGTH_MAX) {
    const endsInPair = isHighSurrogate(text.charCodeAt(start + TEXT_LENGTH_MAX - 1));
    const end = start + TEXT_LENGTH_MAX - (endsInPair ? 1 : 0);
    events.push({ type: 'text', text: text.slice(start, end), tokens: [] });
    start = end;
  }
  return [...events, { ...event, text: text.slice(start) }];
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
