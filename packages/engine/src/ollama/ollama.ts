import type { InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Engine, ResidentModel } from '../engine.ts';
import type { EmbeddingsResponse } from '@shoal/formats/embeddings';
import { parseObject } from '@shoal/formats/json';
import {
  errorText,
  readEmbeddingsResponse,
  readError,
  readStream,
  type RequestOptions,
  writeEmbeddingsRequest,
  writeRequest,
} from '@shoal/formats/ollama';
import { newCallId } from '../http/call-id.ts';
import { embed } from '../http/embedding.ts';
import { engineClosed } from '../child-process/errors.ts';
import { withOneTerminalEvent } from '../http/generation.ts';
import { ModelServer, type HttpResponse } from '../http/server.ts';
import { modelForRequest } from '../request-check.ts';
import { DEFAULT_ADDRESS, parseAddress } from './address.ts';
import { failures, forPeer } from './errors.ts';
import { listModels, type OllamaModel, type OllamaModelOptions } from './models.ts';
import { listResident } from './resident.ts';

/** Long enough to load a model, for which Ollama has the same limit, or to finish other answers first. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
/** A century. Ollama cannot read a time that is much longer. */
const MAX_KEEP_ALIVE_MS = 100 * 365 * 24 * 60 * 60 * 1000;
const HTTP_OK = 200;

export interface OllamaOptions {
  /** As in `OLLAMA_HOST`: `host`, `host:port` or a URL. Default: 127.0.0.1:11434. It must not come from a peer. */
  readonly baseUrl?: string | undefined;
  /** Ollama's name of the default model. Default: the one that was changed last. */
  readonly model?: string | undefined;
  /** Generations at the same time, as in `OLLAMA_NUM_PARALLEL`. Default: 1. Ollama queues any others. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer. Default: Ollama's own. */
  readonly contextLength?: number | undefined;
  /** How long Ollama keeps the model in memory after an answer: `10m`, seconds, or -1 without limit. Default: Ollama's own. */
  readonly keepAlive?: string | number | undefined;
}

/** Creates an engine for the models of a running Ollama. Throws `INVALID_REQUEST` for an invalid address. */
export function createOllama(options: OllamaOptions = {}): Engine {
  return new Ollama(options);
}

class Ollama implements Engine {
  readonly name = 'ollama';
  readonly abilities;
  readonly #address: URL;
  readonly #server: ModelServer;
  readonly #modelOptions: OllamaModelOptions;
  readonly #requestOptions: Pick<RequestOptions, 'keepAlive' | 'contextLength'>;
  readonly #closing = new AbortController();
  /** From the latest list. */
  #models: readonly OllamaModel[] | undefined;
  /** Open requests of this engine, by model id. */
  readonly #active = new Map<string, number>();

  constructor({ baseUrl = DEFAULT_ADDRESS, model, slots = 1, contextLength, keepAlive }: OllamaOptions) {
    // Most templates treat a trailing message of the assistant as a complete turn, so that no answer can be continued.
    this.abilities = { slots, resume: 'none' } as const;
    this.#address = parseAddress(baseUrl);
    this.#server = new ModelServer(this.#address, failures);
    this.#modelOptions = { model, contextLength };
    this.#requestOptions = { keepAlive, contextLength };
  }

  /**
   * Requests the list each time. Throws `OLLAMA_NOT_FOUND` if no Ollama answers and `OLLAMA_MODEL_NOT_AVAILABLE` if it does
   * not have the configured model, or none at all.
   */
  async models(): Promise<readonly ModelInfo[]> {
    const models = await this.#list(this.#closing.signal);
    return models.map(({ info }) => info);
  }

  generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    return withOneTerminalEvent({
      answer: (ended) => this.#answer(request, ended),
      signal,
      closing: this.#closing.signal,
      forPeer: (error) => this.#convertError(error),
    });
  }

  /** Throws as `models` does. */
  async resident(): Promise<readonly ResidentModel[]> {
    const signal = this.#closing.signal;
    const models = this.#models ?? (await this.#list(signal));
    return this.#orClosed(
      listResident(
        this.#server,
        this.#address,
        { infos: models.map(({ info }) => info), active: this.#active },
        signal,
      ),
    );
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#answer(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent, undefined> {
    const model = findModel(request, this.#models ?? (await this.#list(signal)));
    const { id } = model.info;
    this.#active.set(id, (this.#active.get(id) ?? 0) + 1);
    try {
      yield* request.input.type === 'embeddings'
        ? embed(request.input.texts, id, (texts) => this.#embed(texts, request, id, signal), failures.unreadable)
        : this.#generate(request, model, signal);
    } finally {
      this.#active.set(id, (this.#active.get(id) ?? 1) - 1);
    }
  }

  async *#generate(
    request: InferenceRequest,
    model: OllamaModel,
    signal: AbortSignal,
  ): AsyncGenerator<InferenceEvent, undefined> {
    const { id } = model.info;
    const ollamaRequest = writeRequest(request, {
      model: id,
      modelStops: model.stops,
      keepAlive: keepAliveOf(request, this.#requestOptions),
      contextLength: contextLengthOf(request, model.info, this.#requestOptions),
      canThink: model.info.abilities?.includes('reasoning'),
    });
    const { status, body } = await this.#server.request({ ...ollamaRequest, signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS });
    if (status !== HTTP_OK) throw readError(status, await this.#errorText(body), id);
    const { logprobs, reasoning } = request;
    yield* readStream(body, { model: id, logprobs, reasoning, newCallId });
  }

  async #embed(
    texts: readonly string[],
    request: InferenceRequest,
    model: string,
    signal: AbortSignal,
  ): Promise<EmbeddingsResponse> {
    const keepAlive = keepAliveOf(request, this.#requestOptions);
    const body = writeEmbeddingsRequest(texts, { model, ...this.#requestOptions, keepAlive });
    const { status, object } = await this.#server.requestObject({
      path: 'api/embed',
      body,
      signal,
      timeoutMs: FIRST_BYTE_TIMEOUT_MS,
    });
    if (status !== HTTP_OK) throw readError(status, errorText(object, ''), model);
    return readEmbeddingsResponse(object);
  }

  async #errorText(body: HttpResponse['body']): Promise<string> {
    const text = await this.#server.readText(body);
    return errorText(parseObject(text), text);
  }

  async #list(signal: AbortSignal): Promise<readonly OllamaModel[]> {
    this.#models = await this.#orClosed(listModels(this.#server, this.#address, this.#modelOptions, signal));
    return this.#models;
  }

  async #orClosed<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.#closing.signal.aborted ? engineClosed() : error;
    }
  }

  #convertError(error: ShoalError): ShoalError {
    // Ollama has changed: the next request lists its models again.
    if (error.code.startsWith('OLLAMA_')) this.#models = undefined;
    return forPeer(error);
  }
}

type LenderOptions = Pick<RequestOptions, 'keepAlive' | 'contextLength'>;

/** The request's time, or else the lender's. */
function keepAliveOf({ keepAliveMs }: InferenceRequest, { keepAlive }: LenderOptions): string | number | undefined {
  if (keepAliveMs === undefined) return keepAlive;
  return keepAliveMs < 0 || keepAliveMs > MAX_KEEP_ALIVE_MS ? -1 : `${keepAliveMs}ms`;
}

/**
 * The request's length, if it is less than the lender's or that of the Modelfile. Otherwise the lender's, because Ollama
 * loads a model again, with more memory, for a length that is more. Without either the request's length has no effect.
 */
function contextLengthOf(
  { contextLength: requested = Infinity }: InferenceRequest,
  { contextLength: known = 0 }: ModelInfo,
  { contextLength }: LenderOptions,
): number | undefined {
  return requested < known ? requested : contextLength;
}

function findModel(request: InferenceRequest, models: readonly OllamaModel[]): OllamaModel {
  const info = modelForRequest(
    request,
    models.map((model) => model.info),
  );
  const found = models.find((model) => model.info === info);
  if (found === undefined) throw ShoalError.modelNotFound(info.id, []);
  return found;
}
