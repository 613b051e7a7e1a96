import { type InferenceEvent, type InferenceRequest, type ModelInfo, ShoalError } from '@shoal/protocol';
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
import { engineClosed, withOneTerminalEvent } from '../http/generation.ts';
import { ModelServer, type HttpResponse } from '../http/server.ts';
import { modelForRequest } from '../request-check.ts';
import { DEFAULT_ADDRESS, parseAddress } from './address.ts';
import { failures, forPeer } from './errors.ts';
import { type Choice, listModels, type OllamaModel } from './models.ts';
import { listResident } from './resident.ts';

/** Before its first byte Ollama may have to load the model, for which it takes five minutes itself, or finish others' answers. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
const HTTP_OK = 200;

export interface OllamaOptions {
  /** As in `OLLAMA_HOST`: `host`, `host:port` or a URL; absent or empty: 127.0.0.1:11434. Never from a peer. */
  readonly baseUrl?: string | undefined;
  /** The default model, by Ollama's name for it; absent: the one that was changed last. */
  readonly model?: string | undefined;
  /** Generations at once, as many as `OLLAMA_NUM_PARALLEL`; absent: 1. Ollama itself queues what is too much. */
  readonly slots?: number | undefined;
  /** Tokens of prompt and answer; absent: what Ollama chooses. */
  readonly contextLength?: number | undefined;
  /** How long Ollama keeps the model in memory after an answer: `10m`, or seconds, -1 for ever; absent: what Ollama chooses. */
  readonly keepAlive?: string | number | undefined;
}

/** The models of an Ollama that runs already. Throws `INVALID_REQUEST` for an address that is none. */
export function createOllama(options: OllamaOptions = {}): Engine {
  return new Ollama(options);
}

class Ollama implements Engine {
  readonly name = 'ollama';
  readonly abilities;
  readonly #address: URL;
  readonly #server: ModelServer;
  readonly #choice: Choice;
  readonly #settings: Pick<RequestOptions, 'keepAlive' | 'contextLength'>;
  readonly #closing = new AbortController();
  /** As they were last asked for. */
  #models: readonly OllamaModel[] | undefined;
  /** Our requests that each model works on. */
  readonly #active = new Map<string, number>();

  constructor({ baseUrl = DEFAULT_ADDRESS, model, slots = 1, contextLength, keepAlive }: OllamaOptions) {
    // A trailing message of the assistant is a turn of its own to most templates: an answer is not gone on with.
    this.abilities = { slots, resume: 'none' } as const;
    this.#address = parseAddress(baseUrl);
    this.#server = new ModelServer(this.#address, failures);
    this.#choice = { model, contextLength };
    this.#settings = { keepAlive, contextLength };
  }

  /**
   * Asks anew each time. Throws `OLLAMA_NOT_FOUND` where no Ollama answers and `OLLAMA_MODEL_NOT_AVAILABLE` where it has
   * no model, or not the chosen one; both say what to do.
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
      forPeer: (error) => this.#failed(error),
    });
  }

  /** Throws as `models` does. */
  async resident(): Promise<readonly ResidentModel[]> {
    const signal = this.#closing.signal;
    const models = this.#models ?? (await this.#list(signal));
    return this.#unlessClosed(
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
    const model = choose(request, this.#models ?? (await this.#list(signal)));
    const { id } = model.info;
    this.#active.set(id, (this.#active.get(id) ?? 0) + 1);
    try {
      yield* request.input.type === 'embeddings'
        ? embed(request.input.texts, id, (texts) => this.#embed(texts, id, signal), failures.unreadable)
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
    const question = writeRequest(request, { model: id, modelStops: model.stops, ...this.#settings });
    const { status, body } = await this.#server.request({ ...question, signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS });
    if (status !== HTTP_OK) throw readError(status, await this.#errorText(body), id);
    yield* readStream(body, { model: id, logprobs: request.logprobs, newCallId });
  }

  async #embed(texts: readonly string[], model: string, signal: AbortSignal): Promise<EmbeddingsResponse> {
    const body = writeEmbeddingsRequest(texts, { model, ...this.#settings });
    const question = { path: 'api/embed', body, signal, timeoutMs: FIRST_BYTE_TIMEOUT_MS };
    const { status, object } = await this.#server.requestObject(question);
    if (status !== HTTP_OK) throw readError(status, errorText(object, ''), model);
    return readEmbeddingsResponse(object);
  }

  async #errorText(body: HttpResponse['body']): Promise<string> {
    const text = await this.#server.readText(body);
    return errorText(parseObject(text), text);
  }

  async #list(signal: AbortSignal): Promise<readonly OllamaModel[]> {
    this.#models = await this.#unlessClosed(listModels(this.#server, this.#address, this.#choice, signal));
    return this.#models;
  }

  async #unlessClosed<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.#closing.signal.aborted ? engineClosed() : error;
    }
  }

  #failed(error: ShoalError): ShoalError {
    // Ollama is not what it was: the next request looks what there is.
    if (error.code.startsWith('OLLAMA_')) this.#models = undefined;
    return forPeer(error);
  }
}

function choose(request: InferenceRequest, models: readonly OllamaModel[]): OllamaModel {
  const info = modelForRequest(
    request,
    models.map((model) => model.info),
  );
  const chosen = models.find((model) => model.info === info);
  if (chosen === undefined) throw ShoalError.modelNotFound(info.id, []);
  return chosen;
}
