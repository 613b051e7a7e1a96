import { ShoalError } from './error.ts';
import type { JsonObject } from './json.ts';
import type { Sampling } from './sampling.ts';

/** The one request type between every dialect and every engine. */

export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls?: readonly ToolCall[] | undefined }
  /** What a tool answered; `toolCallId` says which call that was. */
  | { readonly role: 'tool'; readonly content: string; readonly toolCallId?: string | undefined };

export type Role = Message['role'];

/** The model wants a tool to be used. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text of an object, as the model wrote it. */
  readonly arguments: string;
}

/** What the model may ask whoever asks to do. */
export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the arguments; absent: none. */
  readonly parameters?: JsonObject | undefined;
}

/** Whether the model decides by itself, must not, must use some tool, or must use the named one. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** What the answer must be: any JSON object, or a JSON value that fits a schema. */
export type AnswerFormat = { readonly type: 'json' } | { readonly type: 'json_schema'; readonly schema: JsonObject };

/**
 * What the model reads. `messages` are rendered with the model's own chat template; `text` and `tokens` go in as they
 * are, without a template and without a token in front. For `embeddings` nothing is generated: each text becomes a vector.
 */
export type Input =
  | { readonly type: 'messages'; readonly messages: readonly Message[] }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tokens'; readonly tokens: readonly number[] }
  | { readonly type: 'embeddings'; readonly texts: readonly string[] };

/** What was generated already, by another worker: the answer goes on behind it and repeats none of it. */
export interface Resume {
  readonly text: string;
  readonly tokens: readonly number[];
}

export interface InferenceRequest {
  /** A model's id, or its digest (`sha256:…`); absent: the worker's default model. */
  readonly model?: string | undefined;
  readonly input: Input;
  readonly sampling: Sampling;
  /** The answer ends before the first of these; none of them is part of the answer. */
  readonly stop: readonly string[];
  /** With `messages` only. */
  readonly tools?: readonly Tool[] | undefined;
  /** Absent: `auto`. */
  readonly toolChoice?: ToolChoice | undefined;
  /** Absent: several calls may come in one answer. */
  readonly parallelToolCalls?: boolean | undefined;
  /** Absent: free text. */
  readonly format?: AnswerFormat | undefined;
  /** Each token comes with its log probability, and with those of so many of the likeliest; absent: without. */
  readonly logprobs?: number | undefined;
  readonly resume?: Resume | undefined;
  /** Time left for the whole answer, in milliseconds from when the request is received. */
  readonly deadlineMs?: number | undefined;
}

/** A bare prompt is a chat of one user message. */
export function promptInput(prompt: string): Input {
  return { type: 'messages', messages: [{ role: 'user', content: prompt }] };
}

/**
 * The bare prompt that a request is, for dialects that carry nothing else. Throws `INVALID_REQUEST`, which names the `asked`
 * (`An OpenGateway peer`), for any other input.
 */
export function promptOf(request: InferenceRequest, asked: string): string {
  const { input, resume, tools, format, logprobs } = request;
  const [only, ...others] = input.type === 'messages' ? input.messages : [];
  if (only?.role !== 'user' || others.length > 0 || resume !== undefined) {
    throw ShoalError.invalidRequest(`${asked} takes a single prompt: no conversation, raw text or tokens.`);
  }
  if (tools !== undefined || format !== undefined || logprobs !== undefined) {
    throw ShoalError.invalidRequest(`${asked} takes a single prompt: no tools, JSON format or log probabilities.`);
  }
  return only.content;
}
