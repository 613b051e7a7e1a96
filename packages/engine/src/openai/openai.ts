import { type InferenceEvent, type InferenceRequest, type ModelInfo, ShoalError } from '@shoal/protocol';
import type { Engine } from '../engine.ts';
import type { EmbeddingsResponse } from '@shoal/formats/embeddings';
import { parseObject } from '@shoal/formats/json';
import {
  type ErrorResponse,
  errorText,
  readEmbeddingsResponse,
  readStream,
  writeEmbeddingsRequest,
  writeRequest,
} from '@shoal/formats/openai';
import { newCallId } from '../http/call-id.ts';
import { embed } from '../http/embedding.ts';
import { engineClosed, withOneTerminalEvent } from '../http/generation.ts';
import { ModelServer, type HttpRequest, type HttpResponse } from '../http/server.ts';
import { modelForRequest } from '../request-check.ts';
import { parseBaseUrl } from './address.ts';
import { failures, forPeer, readError, withoutKey } from './errors.ts';
import { type Choice, listModels } from './models.ts';

/** Before its first byte a server may have to load the model, or finish others' answers. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
const DEFAULT_SLOTS = 4;
const HTTP_OK = 200;
/** What a header can carry. */
const KEY = /^[\x21-\x7e]+$/;
/** What a server says that does not know how to tell the usage of a stream. */
const USAGE_UNKNOWN = /stream_options|include_usage/;

export interface OpenAiOptions {
  /** Where the API begins: `http://127.0.0.1:52415/v1`; without a path it is /v1. Never from a peer. */
  readonly baseUrl: string;
  /** Sent with every request, and told to nobody else. */
  readonly apiKey?: string | undefined;
  /** The one model to offer, by the server's name for it; absent: all that it lists, of which the first is the default. */
  readonly model?: string | undefined;
  /** Generations at once; absent: 4. The server itself queues what is too much. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer; absent: what the server tells, if it does. */
  readonly contextLength?: number | undefined;
}

/**
 * The models of any server that speaks OpenAI's API: EXO, vLLM, llama-server, LM Studio. Throws `INVALID_REQUEST` for a URL
 * that is none, and for a key that no header can carry.
 */
export function createOpenAi(options: OpenAiOptions): Engine {
  return new OpenAi(options);
}

class OpenAi implements Engine {
  readonly name = 'openai';
  readonly abilities;
  readonly #address: URL;
  readonly #server: ModelServer;
  readonly #key: string | undefined;
  readonly #choice: Choice;
  readonly #closing = new AbortController();
  /** As they were last asked for. */
  #models: readonly ModelInfo[] | undefined;
  /** False once the server has refused to. */
  #tellsUsage = true;

  constructor({ baseUrl, apiKey, model, slots = DEFAULT_SLOTS, contextLength }: OpenAiOptions) {
    // A trailing message of the assistant is a turn of its own to most templates: an answer is not gone on with.
    this.abilities = { slots, resume: 'none' } as const;
    this.#address = parseBaseUrl(baseUrl);
    this.#key = apiKey;
    this.#server = new ModelServer(this.#address, failures, authorization(apiKey));
    this.#choice = { model, contextLength };
  }

  /**
   * Asks anew each time. Throws `CONNECT_FAILED` where no such server answers, `UNAUTHORIZED` where it refuses the key, and
   * `MODEL_NOT_FOUND` where it lists no model, or not the chosen one; each says what to do.
   */
  async models(): Promise<readonly ModelInfo[]> {
    return this.#list(this.#closing.signal);
  }

  generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    return withOneTerminalEvent({
      answer: (ended) => this.#answer(request, ended),
      signal,
      closing: this.#closing.signal,
      forPeer: (error) => this.#failed(error),
    });
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#answer(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent, undefined> {
    const { id } = modelForRequest(request, this.#models ?? (await this.#list(signal)));
    const { input } = request;
    if (input.type === 'embeddings') {
      return yield* embed(input.texts, id, (texts) => this.#embed(texts, id, signal), failures.unreadable);
    }
    const body = await this.#begin(request, id, signal);
    yield* readStream(body, { model: id, request, newCallId });
  }

  /** The answer's stream; asked for once more without its usage where the server knows no such wish. */
  async #begin(request: InferenceRequest, model: string, signal: AbortSignal): Promise<HttpResponse['body']> {
    const tellsUsage = this.#tellsUsage;
    const question = { ...writeRequest(request, model, tellsUsage), signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS };
    const reply = await this.#server.request(question);
    if (reply.status === HTTP_OK) return reply.body;
    const refusal = await this.#refusal(reply);
    if (tellsUsage && USAGE_UNKNOWN.test(refusal.text)) {
      this.#tellsUsage = false;
      return this.#begin(request, model, signal);
    }
    throw readError(refusal, model);
  }

  async #embed(texts: readonly string[], model: string, signal: AbortSignal): Promise<EmbeddingsResponse> {
    const body = writeEmbeddingsRequest(texts, model);
    const question: HttpRequest = { path: 'embeddings', body, signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS };
    const reply = await this.#server.request(question);
    if (reply.status !== HTTP_OK) throw readError(await this.#refusal(reply), model);
    return readEmbeddingsResponse(parseObject(await this.#server.readText(reply.body)));
  }

  async #refusal({ status, headers, body }: HttpResponse): Promise<ErrorResponse> {
    const text = await this.#server.readText(body);
    return { status, retryAfter: headers['retry-after'], text: errorText(parseObject(text), text) };
  }

  async #list(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    try {
      this.#models = await listModels(this.#server, this.#address, this.#choice, signal);
      return this.#models;
    } catch (error) {
      throw this.#closing.signal.aborted ? engineClosed() : withoutKey(ShoalError.from(error), this.#key);
    }
  }

  #failed(error: ShoalError): ShoalError {
    // The server is not what it was: the next request looks what there is.
    if (error.code === 'CONNECT_FAILED' || error.code === 'MODEL_NOT_FOUND') this.#models = undefined;
    return forPeer(withoutKey(error, this.#key));
  }
}

function authorization(key: string | undefined): Readonly<Record<string, string>> {
  if (key === undefined) return {};
  if (!KEY.test(key)) throw ShoalError.invalidRequest('The key must be printable ASCII without spaces.');
  return { authorization: `Bearer ${key}` };
}
