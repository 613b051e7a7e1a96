import { ShoalError } from './error.ts';

/** The one request type between every dialect and every engine. */

export type Role = 'system' | 'user' | 'assistant';

export interface Message {
  readonly role: Role;
  readonly content: string;
}

/**
 * What the model reads. `messages` are rendered with the model's own chat template; `text` and `tokens` go in as they
 * are, without a template and without a token in front.
 */
export type Input =
  | { readonly type: 'messages'; readonly messages: readonly Message[] }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tokens'; readonly tokens: readonly number[] };

/** How tokens are chosen. What is absent is the engine's default. */
export interface Sampling {
  /** At most this many new tokens; absent: until the model stops or its context is full. */
  readonly maxTokens?: number;
  /** 0 takes the likeliest token each time. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  /** The same seed, model and input give the same tokens. */
  readonly seed?: number;
}

/** What was generated already, by another worker: the answer goes on behind it and repeats none of it. */
export interface Resume {
  readonly text: string;
  readonly tokens: readonly number[];
}

export interface InferenceRequest {
  /** A model's id, or its digest (`sha256:…`); absent: the worker's default model. */
  readonly model?: string;
  readonly input: Input;
  readonly sampling: Sampling;
  /** The answer ends before the first of these; none of them is part of the answer. */
  readonly stop: readonly string[];
  readonly resume?: Resume;
  /** Time left for the whole answer, in milliseconds from when the request is received. */
  readonly deadlineMs?: number;
}

/** A bare prompt is a chat of one user message. */
export function promptInput(prompt: string): Input {
  return { type: 'messages', messages: [{ role: 'user', content: prompt }] };
}

/**
 * The bare prompt that a request is, for dialects that carry nothing else. Throws `INVALID_REQUEST`, which names the `asked`
 * (`An OpenGateway peer`), for any other input.
 */
export function promptOf({ input, resume }: InferenceRequest, asked: string): string {
  const [only, ...others] = input.type === 'messages' ? input.messages : [];
  if (only?.role !== 'user' || others.length > 0 || resume !== undefined) {
    throw ShoalError.invalidRequest(`${asked} takes a single prompt: no conversation, raw text or tokens.`);
  }
  return only.content;
}
