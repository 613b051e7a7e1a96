import { type InferenceEvent, type InferenceRequest, isTerminal, type ModelInfo, ShoalError } from '@shoal/protocol';
import type { Engine } from '../engine.ts';
import { checkRequest } from '../request-check.ts';
import { Answer } from './answer.ts';
import { GPU_LAYERS_AUTO } from './gpu-layers.ts';
import type { LoadedModel, LogLevel } from './messages.ts';
import { defaultSlots, modelName } from './model-file.ts';
import { type ChildNews, Supervisor } from './supervisor.ts';

/** Requests that one engine takes at most, those that wait for a slot included. */
const OPEN_REQUESTS_MAX = 256;
/** What the consumer took is told to the child in lumps; must be less than the run-ahead. */
const TAKEN_LUMP_TOKENS = 16;

export interface LlamaOptions {
  /** The GGUF file. */
  readonly modelPath: string;
  /** The model's id; absent: the file's name without `.gguf`. */
  readonly name?: string;
  /** Tokens a slot; absent: what the model was trained on, at most `contextLengthMax`. */
  readonly contextLength?: number;
  /** Absent: 4,096. */
  readonly contextLengthMax?: number;
  /** Generations at once, each with a context of its own; absent: 4, for a file of more than 2 GiB 1. */
  readonly slots?: number;
  /** Layers that the GPU computes: -1 (absent) as many as fit, 0 none. */
  readonly gpuLayers?: number;
  /** Absent: measured when the model is first loaded. */
  readonly threads?: number;
  /** Where digests, measured thread counts and compiled code are remembered; absent: nowhere. */
  readonly cacheDirectory?: string;
  readonly log?: (level: LogLevel, text: string) => void;
}

/** llama.cpp in a process of its own, which starts when the models are first asked for. */
export function createLlama(options: LlamaOptions): Engine {
  return new Llama(options);
}

class Llama implements Engine {
  readonly name = 'llama';
  readonly abilities;
  readonly #id: string;
  readonly #log: (level: LogLevel, text: string) => void;
  readonly #supervisor: Supervisor;
  readonly #answers = new Map<number, Answer>();
  #lastId = 0;

  constructor(options: LlamaOptions) {
    const { modelPath, name, slots = defaultSlots(modelPath), gpuLayers = GPU_LAYERS_AUTO, log, ...order } = options;
    this.abilities = { slots, resume: 'tokens' } as const;
    this.#id = name ?? modelName(modelPath);
    this.#log = log ?? (() => {});
    const load = { modelPath, slots, gpuLayers, ...order };
    this.#supervisor = new Supervisor(load, {
      loaded: (model, processId) => this.#greet(model, processId),
      message: (message) => this.#hear(message),
      lost: (error) => this.#lose(error),
    });
  }

  async models(): Promise<readonly ModelInfo[]> {
    return this.#describe(await this.#supervisor.ready());
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    const id = ++this.#lastId;
    const answer = new Answer();
    const abort = () => answer.abort();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    if (this.#answers.size >= OPEN_REQUESTS_MAX) fail(answer, overloaded());
    this.#answers.set(id, answer);
    try {
      if (!answer.ended) void this.#begin(id, request, answer);
      let untold = 0;
      for (;;) {
        const event = await answer.take();
        if (event.type === 'text') untold += event.tokens.length;
        if (untold >= TAKEN_LUMP_TOKENS) {
          this.#supervisor.send({ type: 'taken', id, tokens: untold });
          untold = 0;
        }
        yield event;
        if (isTerminal(event)) return;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#answers.delete(id);
      if (answer.isRunning) this.#supervisor.send({ type: 'abort', id });
    }
  }

  async close(): Promise<void> {
    for (const answer of this.#answers.values()) fail(answer, ShoalError.aborted('The engine was closed.'));
    await this.#supervisor.close();
  }

  async #begin(id: number, request: InferenceRequest, answer: Answer): Promise<void> {
    try {
      const loaded = await this.#supervisor.ready().catch((error: unknown) => {
        throw unavailable(error);
      });
      if (answer.ended) return;
      checkRequest(request, this.#describe(loaded));
      const { input, sampling, stop, resume } = request;
      const order = { input, sampling, stop, ...(resume !== undefined && { resume }) };
      this.#supervisor.send({ type: 'generate', id, order });
      answer.isRunning = true;
    } catch (error) {
      fail(answer, ShoalError.from(error));
    }
  }

  #greet({ contextLength, threads, device }: LoadedModel, processId: number | undefined): void {
    const { slots } = this.abilities;
    const how = `${slots} × ${contextLength} tokens, ${threads} threads, ${device}`;
    this.#log('info', `Model ${this.#id} is loaded in process ${processId} (${how}).`);
  }

  #hear(message: ChildNews): void {
    if (message.type === 'log') return this.#log(message.level, message.text);
    const answer = this.#answers.get(message.id);
    if (answer === undefined) return;
    switch (message.type) {
      case 'began':
        answer.promptTokens = message.promptTokens;
        return;
      case 'text':
        return answer.push(message.text, message.tokens);
      case 'finish': {
        const { reason, rawReason, completionTokens } = message;
        const usage = { promptTokens: answer.promptTokens, completionTokens };
        this.#supervisor.proven();
        answer.isRunning = false;
        return answer.end({ type: 'finish', reason, rawReason, usage, model: this.#id });
      }
      case 'failed':
        answer.isRunning = false;
        if (message.detail !== undefined) this.#log('error', message.detail);
        return fail(answer, new ShoalError(message.code, message.message, { cause: message.detail }));
      default:
        message satisfies never;
    }
  }

  #lose(error: ShoalError): void {
    this.#log('error', typeof error.cause === 'string' ? `${error.message} (${error.cause})` : error.message);
    for (const answer of this.#answers.values()) if (answer.isRunning) fail(answer, error);
  }

  #describe({ digest, contextLength, quantization }: LoadedModel): ModelInfo[] {
    return [{ id: this.#id, digest, contextLength, ...(quantization !== undefined && { quantization }) }];
  }
}

function fail(answer: Answer, error: ShoalError): void {
  answer.end({ type: 'error', error });
}

/** What is wrong with the model is for its owner: a peer only hears that it cannot have it. */
function unavailable(error: unknown): ShoalError {
  const { code, retryAfterMs } = ShoalError.from(error);
  if (code === 'GENERATION_ABORTED') return ShoalError.aborted('The engine was closed.');
  return new ShoalError('GENERATION_FAILED', 'The model cannot be loaded at the moment.', {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function overloaded(): ShoalError {
  return new ShoalError('OVERLOADED', `The engine has ${OPEN_REQUESTS_MAX} requests already.`);
}
