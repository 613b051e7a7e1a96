import type { InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Engine } from '../engine.ts';
import type { EmbeddingsResponse } from '@shoal/formats/embeddings';
import { parseObject } from '@shoal/formats/json';
import {
  type AcceptedFields,
  type ErrorResponse,
  errorText,
  readEmbeddingsResponse,
  readStream,
  writeEmbeddingsRequest,
  writeRequest,
} from '@shoal/formats/openai';
import { newCallId } from '../http/call-id.ts';
import { embed } from '../http/embedding.ts';
import { engineClosed } from '../child-process/errors.ts';
import { withOneTerminalEvent } from '../http/generation.ts';
import { ModelServer, type HttpRequest, type HttpResponse } from '../http/server.ts';
import { modelForRequest } from '../request-check.ts';
import { parseBaseUrl } from './address.ts';
import { failures, forPeer, readError, withoutKey } from './errors.ts';
import { PromptCounter } from './llama-server.ts';
import { listModels, type OpenAiModelOptions } from './models.ts';

/** Long enough to load a model or to finish other answers first. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
const DEFAULT_SLOTS = 4;
const HTTP_OK = 200;
/** Characters that are valid in a header. */
const KEY = /^[\x21-\x7e]+$/;
/** Part of the error of a server that does not support the usage of a stream. */
const USAGE_UNSUPPORTED = /stream_options|include_usage/;
/** Part of the error of a server that does not support variables of the chat template. */
const VARIABLES_UNSUPPORTED = /chat_template_kwargs/;
/** Parts of the errors of vLLM and OpenAI if `max_tokens` is more than what is left of the context. */
const LIMIT_TOO_LARGE = /maximum context length|max_(?:completion_)?tokens\W.*too large/i;

export interface OpenAiOptions {
  /** Such as `http://127.0.0.1:52415/v1`; without a path it is /v1. It must not come from a peer. */
  readonly baseUrl: string;
  /** Sent to the server with every request. */
  readonly apiKey?: string | undefined;
  /** The server's name of the only model to offer. Default: all that it lists, the first being the default model. */
  readonly model?: string | undefined;
  /** Generations at the same time. Default: 4. The server queues any others. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer. Default: the length that the server reports, if any. */
  readonly contextLength?: number | undefined;
}

/**
 * Creates an engine for the models of a server with OpenAI's API: EXO, vLLM, llama-server, LM Studio. Throws
 * `INVALID_REQUEST` for an invalid URL or key.
 */
export function createOpenAi(options: OpenAiOptions): Engine {
  return new OpenAi(options);
}

class OpenAi implements Engine {
  readonly name = 'openai';
  readonly abilities;
  readonly #address: URL;
  readonly #server: ModelServer;
  readonly #counter: PromptCounter;
  readonly #key: string | undefined;
  readonly #modelOptions: OpenAiModelOptions;
  readonly #closing = new AbortController();
  /** From the latest list. */
  #models: readonly ModelInfo[] | undefined;
  /** Options become false after the server has rejected them. */
  #accepted: AcceptedFields = { usage: true, templateVariables: true };

  constructor({ baseUrl, apiKey, model, slots = DEFAULT_SLOTS, contextLength }: OpenAiOptions) {
    // Most templates treat a trailing message of the assistant as a complete turn, so that no answer can be continued.
    this.abilities = { slots, resume: 'none' } as const;
    this.#address = parseBaseUrl(baseUrl);
    this.#key = apiKey;
    this.#server = new ModelServer(this.#address, failures, authorization(apiKey));
    const root = new ModelServer(new URL('../', this.#address), failures, authorization(apiKey));
    this.#counter = new PromptCounter(root, this.#closing.signal);
    this.#modelOptions = { model, contextLength };
  }

  /**
   * Requests the list each time. Throws `CONNECT_FAILED` if no such server answers, `UNAUTHORIZED` if it refuses the key, and
   * `MODEL_NOT_FOUND` if it does not list the configured model, or none at all.
   */
  async models(): Promise<readonly ModelInfo[]> {
    return this.#list(this.#closing.signal);
  }

  generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    return withOneTerminalEvent({
      answer: (ended) => this.#generate(request, ended),
      signal,
      closing: this.#closing.signal,
      forPeer: (error) => this.#convertError(error),
    });
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent, undefined> {
    const { id } = modelForRequest(request, this.#models ?? (await this.#list(signal)));
    const { input, countOnly = false } = request;
    if (countOnly) return yield await this.#counter.count(request, id, signal);
    if (input.type === 'embeddings') {
      return yield* embed(input.texts, id, (texts) => this.#embed(texts, id, signal), failures.unreadable);
    }
    const body = await this.#begin(request, id, signal);
    yield* readStream(body, { model: id, request, newCallId });
  }

  /** Returns the answer's stream. Requests it again without what the server does not accept. */
  async #begin(request: InferenceRequest, model: string, signal: AbortSignal): Promise<HttpResponse['body']> {
    const accepted = this.#accepted;
    const question = { ...writeRequest(request, model, accepted), signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS };
    const reply = await this.#server.request(question);
    if (reply.status === HTTP_OK) return reply.body;
    const response = await this.#readError(reply);
    const next = this.#withoutRefused(request, accepted, response.text);
    if (next === undefined) throw readError(response, model);
    return this.#begin(next, model, signal);
  }

  /** Returns the request to send after a refusal; undefined if nothing can be left out. */
  #withoutRefused(request: InferenceRequest, sent: AcceptedFields, text: string): InferenceRequest | undefined {
    if (sent.usage && USAGE_UNSUPPORTED.test(text)) {
      this.#accepted = { ...this.#accepted, usage: false };
      return request;
    }
    if (sent.templateVariables && request.reasoning !== undefined && VARIABLES_UNSUPPORTED.test(text)) {
      this.#accepted = { ...this.#accepted, templateVariables: false };
      return request;
    }
    const { sampling } = request;
    // Without a limit the server ends the answer when the context is full.
    if (sampling.maxTokens === undefined || !LIMIT_TOO_LARGE.test(text)) return undefined;
    return { ...request, sampling: { ...sampling, maxTokens: undefined } };
  }

  async #embed(texts: readonly string[], model: string, signal: AbortSignal): Promise<EmbeddingsResponse> {
    const body = writeEmbeddingsRequest(texts, model);
    const question: HttpRequest = { path: 'embeddings', body, signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS };
    const reply = await this.#server.request(question);
    if (reply.status !== HTTP_OK) throw readError(await this.#readError(reply), model);
    return readEmbeddingsResponse(parseObject(await this.#server.readText(reply.body)));
  }

  async #readError({ status, headers, body }: HttpResponse): Promise<ErrorResponse> {
    const text = await this.#server.readText(body);
    return { status, retryAfter: headers['retry-after'], text: errorText(parseObject(text), text) };
  }

  async #list(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    this.#counter.forget();
    try {
      this.#models = await listModels(this.#server, this.#address, this.#modelOptions, signal);
      return this.#models;
    } catch (error) {
      throw this.#closing.signal.aborted ? engineClosed() : withoutKey(ShoalError.from(error), this.#key);
    }
  }

  #convertError(error: ShoalError): ShoalError {
    // The server has changed: the next request lists its models again.
    if (error.code === 'CONNECT_FAILED' || error.code === 'MODEL_NOT_FOUND') this.#models = undefined;
    return forPeer(withoutKey(error, this.#key));
  }
}

function authorization(key: string | undefined): Readonly<Record<string, string>> {
  if (key === undefined) return {};
  if (!KEY.test(key)) throw ShoalError.invalidRequest('The key must be printable ASCII without spaces.');
  return { authorization: `Bearer ${key}` };
}
