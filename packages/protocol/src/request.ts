import { ShoalError } from './error.ts';
import type { JsonObject } from './json.ts';
import type { Sampling } from './sampling.ts';

/** One message of a conversation. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly toolCalls?: readonly ToolCall[] | undefined }
  /** The result of a tool call. `toolCallId` names the call. */
  | { readonly role: 'tool'; readonly content: string; readonly toolCallId?: string | undefined };

export type Role = Message['role'];

/** A model's request to run a tool. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text of an object, as the model wrote it. It may be invalid. */
  readonly arguments: string;
}

/** A tool that the model may call. The client runs it. */
export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the arguments. Undefined if there are none. */
  readonly parameters?: JsonObject | undefined;
}

/** `auto`: the model decides. `none`: no tool. `required`: at least one tool. A name: that tool. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** The format of an answer: any JSON object, or a JSON value that matches a schema. */
export type AnswerFormat = { readonly type: 'json' } | { readonly type: 'json_schema'; readonly schema: JsonObject };

/**
 * The input of a model. `messages` are rendered with the model's chat template. `text` and `tokens` are used as they are,
 * without a template or a token in front. For `embeddings`, each text becomes a vector and nothing is generated.
 */
export type Input =
  | { readonly type: 'messages'; readonly messages: readonly Message[] }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tokens'; readonly tokens: readonly number[] }
  | { readonly type: 'embeddings'; readonly texts: readonly string[] };

/** The part of an answer that another worker has generated. The new answer continues after it and does not repeat it. */
export interface Resume {
  readonly text: string;
  readonly tokens: readonly number[];
}

/** A request in the neutral form, between every dialect and every engine. */
export interface InferenceRequest {
  /** A model's id, or its digest (`sha256:…`). Default: the worker's default model. */
  readonly model?: string | undefined;
  readonly input: Input;
  readonly sampling: Sampling;
  /** The answer ends before the first of these strings, and does not contain it. */
  readonly stop: readonly string[];
  /** Only with `messages`. */
  readonly tools?: readonly Tool[] | undefined;
  /** Default: `auto`. */
  readonly toolChoice?: ToolChoice | undefined;
  /** True if one answer may have several calls. Default: true. */
  readonly parallelToolCalls?: boolean | undefined;
  /** Default: free text. */
  readonly format?: AnswerFormat | undefined;
  /** The number of likeliest tokens to list with each token. 0 gives each token's own log probability. Default: none. */
  readonly logprobs?: number | undefined;
  /**
   * True: the model's reasoning is sent as `reasoning` events. False: the model is told not to reason, if its template has a
   * switch, and reasoning is not sent. Default: reasoning is part of the text, as the model writes it.
   */
  readonly reasoning?: boolean | undefined;
  /** The most tokens of prompt and answer together. A longer prompt is refused. Default: the model's context length. */
  readonly contextLength?: number | undefined;
  /**
   * Milliseconds that the model stays in memory after the answer; negative: without limit. Only a node's own requests change
   * this. Default: the engine's setting.
   */
  readonly keepAliveMs?: number | undefined;
  /** True: the tokens of the prompt are counted and nothing is generated. The answer is a `finish` event with the usage. */
  readonly countOnly?: boolean | undefined;
  readonly resume?: Resume | undefined;
  /** Milliseconds from the arrival of the request until its answer must be complete. */
  readonly deadlineMs?: number | undefined;
}

/** Returns a conversation of one user message. */
export function promptInput(prompt: string): Input {
  return { type: 'messages', messages: [{ role: 'user', content: prompt }] };
}

/**
 * Returns the prompt of a request that has a prompt and nothing else, for dialects that carry nothing else. Throws
 * `INVALID_REQUEST` for any other request. The message begins with `recipient`, such as `An OpenGateway peer`.
 */
export function promptOf(request: InferenceRequest, recipient: string): string {
  const { input, resume, tools, format, logprobs, countOnly } = request;
  const [only, ...others] = input.type === 'messages' ? input.messages : [];
  if (only?.role !== 'user' || others.length > 0 || resume !== undefined) {
    throw ShoalError.invalidRequest(`${recipient} takes a single prompt: no conversation, raw text or tokens.`);
  }
  if (tools !== undefined || format !== undefined || logprobs !== undefined) {
    throw ShoalError.invalidRequest(`${recipient} takes a single prompt: no tools, JSON format or log probabilities.`);
  }
  if (countOnly === true) throw ShoalError.invalidRequest(`${recipient} cannot count the tokens of a prompt.`);
  return only.content;
}
