import { inspect } from 'node:util';
import type { Ability, InferenceEvent, ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Engine, ResidentModel } from '../engine.ts';
import { withOneTerminalEvent } from '../http/generation.ts';
import { defaultSlots, modelName } from '../model-files/model-file.ts';
import { modelForRequest } from '../request-check.ts';
import { complete } from './completion.ts';
import { Embedder } from './embedder.ts';
import { isCrash } from './errors.ts';
import {
  causeOfCrash,
  type LoadedServer,
  loadServer,
  type LoadOptions,
  type Log,
  residentBytes,
  startOptions,
} from './loaded.ts';
import { orAborted } from '../child-process/abort.ts';
import { withPeerError } from './peer-error.ts';
import { countPrompt, readPrompt } from './prompt.ts';
import type { StartOptions } from './running.ts';
import { SlotQueue } from './slots.ts';
import { Supervisor } from '../child-process/supervisor.ts';
import { chatWithTools } from './tool-chat.ts';

/** Open requests of one engine, including those that wait for a slot. */
const OPEN_REQUESTS_MAX = 256;
/** Those of every model. */
const ABILITIES: readonly Ability[] = ['messages', 'prompt', 'tokens', 'json', 'embeddings', 'logprobs', 'count'];

export interface LlamaServerOptions extends LoadOptions {
  /** The model's id. Default: the file's name without `.gguf`. */
  readonly name?: string | undefined;
  /** Generations at the same time, each with its own context. Default: 4, or 1 for a file of more than 2 GiB. */
  readonly slots?: number | undefined;
  readonly log?: Log | undefined;
}

/** Creates an engine that runs llama.cpp's server in a child process, started when it is first used. */
export function createLlamaServer(options: LlamaServerOptions): Engine {
  return new LlamaServer(options);
}

class LlamaServer implements Engine {
  readonly name = 'llama-server';
  readonly abilities;
  readonly #options: LlamaServerOptions;
  readonly #id: string;
  readonly #log: Log;
  readonly #supervisor: Supervisor<LoadedServer>;
  readonly #embedder: Embedder;
  readonly #slots: SlotQueue;
  readonly #closing = new AbortController();
  #open = 0;

  constructor(options: LlamaServerOptions) {
    const { modelPath, name, slots = defaultSlots(modelPath), log } = options;
    this.abilities = { slots, resume: 'tokens' } as const;
    this.#options = options;
    this.#id = name ?? modelName(modelPath);
    this.#log = log ?? (() => {});
    this.#slots = new SlotQueue(slots);
    const lost = (error: ShoalError) => this.#lose(error);
    this.#supervisor = new Supervisor({ start: (signal) => this.#load(signal), lost });
    this.#embedder = new Embedder(() => this.#embedderOptions(), lost);
  }

  async models(): Promise<readonly ModelInfo[]> {
    return this.#describe(await this.#supervisor.ready());
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    this.#open++;
    try {
      yield* withOneTerminalEvent({
        answer: (ended) => this.#answer(request, ended),
        signal,
        closing: this.#closing.signal,
        forPeer: (error) => this.#forPeer(error),
      });
    } finally {
      this.#open--;
    }
  }

  async resident(): Promise<readonly ResidentModel[]> {
    const loaded = await this.#supervisor.running();
    if (loaded === undefined) return [];
    const { record, properties, device, processId } = loaded;
    const memoryBytes = await residentBytes(processId);
    return [
      {
        id: this.#id,
        digest: record.digest,
        memoryBytes,
        device,
        contextLength: properties.contextLength,
        active: this.#open,
      },
    ];
  }

  unavailable(): readonly string[] {
    return this.#supervisor.hasFailed ? [this.#id] : [];
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#supervisor.close(), this.#embedder.close()]);
  }

  async *#answer(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent, undefined> {
    if (this.#open > OPEN_REQUESTS_MAX) throw overloaded();
    const loaded = await orAborted(withPeerError(this.#supervisor.ready()), signal);
    modelForRequest(request, this.#describe(loaded));
    const end = loaded.begin();
    try {
      yield* this.#answerWith(loaded, request, signal);
    } finally {
      end();
    }
  }

  async *#answerWith(
    loaded: LoadedServer,
    request: InferenceRequest,
    signal: AbortSignal,
  ): AsyncGenerator<InferenceEvent, undefined> {
    const { input, countOnly = false } = request;
    if (input.type === 'embeddings' && !countOnly) return yield* this.#embedder.embed(input.texts, this.#id, signal);
    if (countOnly) {
      const { server, properties } = loaded;
      return yield await countPrompt(server, properties, request, { model: this.#id, signal });
    }
    const release = await this.#slots.acquire(signal);
    try {
      yield* this.#generate(loaded, request, signal);
      this.#supervisor.resetBackOff();
    } catch (error) {
      throw isCrash(error) ? await causeOfCrash(loaded, error) : error;
    } finally {
      release();
    }
  }

  async *#generate(
    { server, properties }: LoadedServer,
    request: InferenceRequest,
    signal: AbortSignal,
  ): AsyncGenerator<InferenceEvent, undefined> {
    const { input, tools = [] } = request;
    if (input.type === 'messages' && tools.length > 0) {
      return yield* chatWithTools(server, properties, request, input.messages, { model: this.#id, signal });
    }
    const prompt = await readPrompt(server, properties, request, signal);
    yield* complete(server, properties, { ...request, prompt, model: this.#id }, signal);
  }

  async #load(signal: AbortSignal): Promise<LoadedServer> {
    const { slots } = this.abilities;
    const loaded = await loadServer(this.#options, slots, this.#log, signal);
    const how = `${slots} × ${loaded.properties.contextLength} tokens, ${loaded.device}`;
    this.#log('info', `Model ${this.#id} is loaded in process ${loaded.processId} (llama-server, ${how}).`);
    return loaded;
  }

  async #embedderOptions(): Promise<StartOptions> {
    const { record, properties, limitBytes } = await this.#supervisor.ready();
    const context = { record, slots: 1, limitBytes, log: this.#log };
    return { ...startOptions(this.#options, context), contextTokens: properties.contextLength };
  }

  #lose(error: ShoalError): void {
    this.#log('error', typeof error.cause === 'string' ? `${error.message} (${error.cause})` : error.message);
  }

  #forPeer(error: ShoalError): ShoalError {
    const { message, cause } = error;
    if (cause !== undefined && error.code !== 'INVALID_REQUEST')
      this.#log('warn', `${message} (${cause instanceof Error ? cause.message : inspect(cause)})`);
    return error;
  }

  #describe({ record: { digest }, properties }: LoadedServer): ModelInfo[] {
    const { contextLength, quantization, hasTools, reasoning } = properties;
    const abilities: readonly Ability[] = [
      ...ABILITIES,
      ...(hasTools ? (['tools'] as const) : []),
      ...(reasoning === undefined ? [] : (['reasoning'] as const)),
    ];
    const known = { digest, contextLength, abilities };
    return [{ id: this.#id, ...known, ...(quantization !== undefined && { quantization }) }];
  }
}

function overloaded(): ShoalError {
  return new ShoalError('OVERLOADED', `The engine already has ${OPEN_REQUESTS_MAX} requests. Try again later.`);
}
