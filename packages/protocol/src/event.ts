import type { ShoalError } from './error.ts';

/**
 * Why an answer ended well: the model said so or a stop string came (`stop`), a limit of tokens or context was reached
 * (`length`), or whoever asked took the request back (`abort`).
 */
export type FinishReason = 'stop' | 'length' | 'abort';

export interface Usage {
  readonly promptTokens: number;
  /** Tokens generated for this request, those of `resume` not counted. */
  readonly completionTokens: number;
}

export interface Finish {
  readonly type: 'finish';
  readonly reason: FinishReason;
  /** The engine's or peer's own word for it. */
  readonly rawReason: string;
  /** Absent where the peer's dialect does not tell it. */
  readonly usage?: Usage;
  /** SHA-256 of the whole text in hex, `resume` included. */
  readonly outputSha256?: string;
  /** Whoever answered says which model it was. */
  readonly model?: string;
}

/**
 * What comes back for a request: any number of `queued` and `text`, then exactly one of `finish` and `error`.
 * Text is never cut inside a character; `tokens` are the ids that the text was decoded from, empty where unknown.
 */
export type InferenceEvent =
  | { readonly type: 'queued'; readonly position: number }
  | { readonly type: 'text'; readonly text: string; readonly tokens: readonly number[] }
  | Finish
  | { readonly type: 'error'; readonly error: ShoalError };

export type TerminalEvent = Extract<InferenceEvent, { type: 'finish' | 'error' }>;

export function isTerminal(event: InferenceEvent): event is TerminalEvent {
  return event.type === 'finish' || event.type === 'error';
}

/** The longest text of one event that a session takes, in UTF-16 units. */
export const TEXT_LENGTH_MAX = 16 * 1024;

/** Cuts a longer text into events that a session takes, never inside a character; the token ids go with the last. */
export function cutText(event: Extract<InferenceEvent, { type: 'text' }>): readonly InferenceEvent[] {
  const { text, tokens } = event;
  if (text.length <= TEXT_LENGTH_MAX) return [event];
  const events: InferenceEvent[] = [];
  let start = 0;
  while (text.length - start > TEXT_LENGTH_MAX) {
    const endsInPair = isHighSurrogate(text.charCodeAt(start + TEXT_LENGTH_MAX - 1));
    const end = start + TEXT_LENGTH_MAX - (endsInPair ? 1 : 0);
    events.push({ type: 'text', text: text.slice(start, end), tokens: [] });
    start = end;
  }
  return [...events, { type: 'text', text: text.slice(start), tokens }];
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
