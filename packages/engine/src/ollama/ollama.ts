import { type InferenceEvent, type InferenceRequest, isNamed, type ModelInfo, ShoalError } from '@shoal/protocol';
import type { Engine } from '../engine.ts';
import { checkRequest } from '../request-check.ts';
import { DEFAULT_ADDRESS, parseAddress } from './address.ts';
import { readAnswer } from './answer.ts';
import { forPeer, refused } from './errors.ts';
import { parseObject, textIn } from './json.ts';
import { type Choice, listModels, type OllamaModel } from './models.ts';
import { orderFor, type OrderSettings } from './order.ts';
import { OllamaServer, readAll, type Reply } from './server.ts';

/** Before its first byte Ollama may have to load the model, for which it takes five minutes itself, or finish others' answers. */
const FIRST_BYTE_TIMEOUT_MS = 300_000;
const HTTP_OK = 200;

export interface OllamaOptions {
  /** As in `OLLAMA_HOST`: `host`, `host:port` or a URL; absent or empty: 127.0.0.1:11434. Never from a peer. */
  readonly baseUrl?: string;
  /** The default model, by Ollama's name for it; absent: the one that was changed last. */
  readonly model?: string;
  /** Generations at once, as many as `OLLAMA_NUM_PARALLEL`; absent: 1. Ollama itself queues what is too much. */
  readonly slots?: number;
  /** Tokens of prompt and answer; absent: what Ollama chooses. */
  readonly contextLength?: number;
  /** How long Ollama keeps the model in memory after an answer: `10m`, or seconds, -1 for ever; absent: what Ollama chooses. */
  readonly keepAlive?: string | number;
}

/** The models of an Ollama that runs already. Throws `INVALID_REQUEST` for an address that is none. */
export function createOllama(options: OllamaOptions = {}): Engine {
  return new Ollama(options);
}

class Ollama implements Engine {
  readonly name = 'ollama';
  readonly abilities;
  readonly #address: URL;
  readonly #server: OllamaServer;
  readonly #choice: Choice;
  readonly #settings: OrderSettings;
  readonly #closing = new AbortController();
  /** As they were last asked for. */
  #models: readonly OllamaModel[] | undefined;

  constructor({ baseUrl = DEFAULT_ADDRESS, model, slots = 1, contextLength, keepAlive }: OllamaOptions) {
    // A trailing message of the assistant is a turn of its own to most templates: an answer is not gone on with.
    this.abilities = { slots, resume: 'none' } as const;
    this.#address = parseAddress(baseUrl);
    this.#server = new OllamaServer(this.#address);
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

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    try {
      if (!ended.aborted) {
        for await (const event of this.#answer(request, ended)) {
          if (ended.aborted) break;
          yield event;
          if (event.type === 'finish') return;
        }
      }
      yield this.#cutShort(signal);
    } catch (thrown) {
      yield ended.aborted ? this.#cutShort(signal) : this.#failed(ShoalError.from(thrown));
    }
  }

  close(): Promise<void> {
    this.#closing.abort();
    return Promise.resolve();
  }

  async *#answer(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent, undefined> {
    const model = choose(request, this.#models ?? (await this.#list(signal)));
    const { id } = model.info;
    const order = orderFor(request, model, this.#settings);
    const { status, body } = await this.#server.ask({ ...order, signal, patienceMs: FIRST_BYTE_TIMEOUT_MS });
    if (status !== HTTP_OK) throw refused(status, await errorText(body), id);
    yield* readAnswer(body, id);
  }

  async #list(signal: AbortSignal): Promise<readonly OllamaModel[]> {
    try {
      this.#models = await listModels(this.#server, this.#address, this.#choice, signal);
      return this.#models;
    } catch (error) {
      throw this.#closing.signal.aborted ? closed() : error;
    }
  }

  #cutShort(signal: AbortSignal): InferenceEvent {
    return signal.aborted
      ? { type: 'finish', reason: 'abort', rawReason: 'signal' }
      : { type: 'error', error: closed() };
  }

  #failed(error: ShoalError): InferenceEvent {
    // Ollama is not what it was: the next request looks what there is.
    if (error.code.startsWith('OLLAMA_')) this.#models = undefined;
    return { type: 'error', error: forPeer(error) };
  }
}

function choose(request: InferenceRequest, models: readonly OllamaModel[]): OllamaModel {
  const { model: wanted } = request;
  const [standard] = models;
  const chosen = wanted === undefined ? standard : models.find(({ info }) => isNamed(info, wanted));
  const infos = models.map(({ info }) => info);
  if (chosen === undefined)
    throw ShoalError.modelNotFound(
      wanted ?? '',
      infos.map(({ id }) => id),
    );
  checkRequest({ ...request, model: chosen.info.id }, infos);
  return chosen;
}

async function errorText(body: Reply['body']): Promise<string> {
  const bytes = await readAll(body);
  return textIn(parseObject(bytes), 'error') ?? Buffer.from(bytes).toString();
}

function closed(): ShoalError {
  return ShoalError.aborted('The engine was closed.');
}
