import type { ShoalError } from './error.ts';

/**
 * Why an answer ended well: the model said so or a stop string came (`stop`), a limit of tokens or context was reached
 * (`length`), the model waits for what its tools answer (`tool_calls`), or whoever asked took the request back (`abort`).
 */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'abort';

export interface Usage {
  readonly promptTokens: number;
  /** Those of the prompt that were still in memory and cost nothing; absent where the engine does not tell. */
  readonly cachedTokens?: number | undefined;
  /** Tokens generated for this request, those of `resume` not counted. */
  readonly completionTokens: number;
}

export interface FinishEvent {
  readonly type: 'finish';
  readonly reason: FinishReason;
  /** The engine's or peer's own word for it. */
  readonly rawReason: string;
  /** Absent where the peer's dialect does not tell it. */
  readonly usage?: Usage | undefined;
  /** SHA-256 of the whole text in hex, `resume` included. */
  readonly outputSha256?: string | undefined;
  /** Whoever answered says which model it was. */
  readonly model?: string | undefined;
}

/** How likely a token was, before any sampling option was applied: the natural logarithm of its probability. */
export interface TokenLogprob {
  /** Absent where the engine tells the text alone. */
  readonly token?: number | undefined;
  /** The token alone, as text; U+FFFD for bytes that are no whole character. */
  readonly text: string;
  readonly logprob: number;
}

/** A token that was chosen, and the likeliest in its place, the likeliest first. */
export interface SampledLogprob extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/**
 * Text is never cut inside a character; `tokens` are the ids that the text was decoded from, empty where unknown. Text is empty
 * only where it brings ids that have none of their own.
 */
export interface TextEvent {
  readonly type: 'text';
  readonly text: string;
  readonly tokens: readonly number[];
  /** Where they were asked for: one for each of `tokens`, or of the tokens that the engine does not tell. */
  readonly logprobs?: readonly SampledLogprob[] | undefined;
}

/**
 * A piece of a tool call. The first of an `index`, from 0, has `id` and `name`; the `arguments` of all of its pieces
 * together are the JSON text. `tokens` are the ids that were read for it.
 */
export interface ToolCallEvent {
  readonly type: 'tool_call';
  readonly index: number;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly arguments: string;
  readonly tokens: readonly number[];
}

/** The vector of the text at `index` among those asked for, of length 1. */
export interface EmbeddingEvent {
  readonly type: 'embedding';
  readonly index: number;
  readonly vector: readonly number[];
}

/**
 * What comes back for a request: any number of `queued`, `text`, `tool_call` and (for `embeddings`, in order) `embedding`,
 * then exactly one of `finish` and `error`.
 */
export type InferenceEvent =
  | { readonly type: 'queued'; readonly position: number }
  | TextEvent
  | ToolCallEvent
  | EmbeddingEvent
  | FinishEvent
  | { readonly type: 'error'; readonly error: ShoalError };

export type TerminalEvent = Extract<InferenceEvent, { type: 'finish' | 'error' }>;

export function isTerminal(event: InferenceEvent): event is TerminalEvent {
  return event.type === 'finish' || event.type === 'error';
}

/** The longest text of one event that a session takes, in UTF-16 units. */
export const TEXT_LENGTH_MAX = 16 * 1024;

/** Cuts a longer text into events that a session takes, never inside a character; what is known of its tokens goes with the last. */
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
