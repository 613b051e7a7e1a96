import { statSync } from 'node:fs';
import { type InferenceEvent, isNamed, type ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Engine, EngineAbilities, ResidentModel } from '@shoal/engine';
import { modelForRequest } from '@shoal/engine/request-check';
import { GPU_LAYERS_AUTO } from '@shoal/engine/model-files/gpu-layers';
import type { LogLevel, ModelDescription } from './messages.ts';
import { type CheckFile, checkModelFile, defaultSlots, modelName } from '@shoal/engine/model-files/model-file';
import { type Leave, ModelPool } from './model-pool.ts';
import { describe, ModelRunner } from './model-runner.ts';
import { engineClosed, modelUnavailable } from '@shoal/engine/child-process/errors';

/** Requests of one engine, including those that wait for a model or a slot. */
const OPEN_REQUESTS_MAX = 256;

/** A model to offer. */
export interface LlamaModel {
  /** The GGUF file. */
  readonly modelPath: string;
  /** The model's id. Default: the file's name without `.gguf`. */
  readonly name?: string | undefined;
  /** Of the whole model. Default: computed from the file. */
  readonly digest?: string | undefined;
  /** All files of a split model, in order. */
  readonly parts?: readonly string[] | undefined;
  /** The predicted use of memory. Default: the size of the file. */
  readonly memoryBytes?: number | undefined;
}

export interface LlamaOptions extends LlamaModel {
  /** More models, each loaded with its first request. */
  readonly others?: readonly LlamaModel[] | undefined;
  /** The memory of all loaded models together. A model that is larger is loaded alone. Default: no limit. */
  readonly memoryBudgetBytes?: number | undefined;
  /** Milliseconds that a model stays in memory after its last answer. Default: Infinity. */
  readonly keepAliveMs?: number | undefined;
  /** Tokens per slot. Default: the trained context of the model, at most `contextLengthMax`. */
  readonly contextLength?: number | undefined;
  /** Default: 4,096. */
  readonly contextLengthMax?: number | undefined;
  /** Generations at once, each with a context of its own. Default: 4, or 1 for a file of more than 2 GiB. */
  readonly slots?: number | undefined;
  /** Layers that the GPU computes; -1: as many as fit, 0: none. Default: -1. */
  readonly gpuLayers?: number | undefined;
  /** The folder of node-llama-cpp's package for a GPU. Default: the package that npm installed for the processor. */
  readonly packageFolder?: string | undefined;
  /** Default: measured when the model is first loaded. */
  readonly threads?: number | undefined;
  /** The directory for digests, measurements and compiled code. Undefined: they are not saved. */
  readonly cacheDirectory?: string | undefined;
  /** Default: checks the first bytes. */
  readonly checkFile?: CheckFile | undefined;
  /** The most memory of its own that a model's process may take. Default: derived from the prediction of `checkFile`. */
  readonly memoryLimitBytes?: number | undefined;
  readonly log?: ((level: LogLevel, text: string) => void) | undefined;
  /** Called each time that a process has loaded a model. */
  readonly onLoaded?: ((description: ModelDescription) => void) | undefined;
}

/** Creates an engine that runs llama.cpp, with a child process per model, which starts on first use. */
export function createLlama(options: LlamaOptions): Engine {
  return new Llama(options);
}

class Llama implements Engine {
  readonly name = 'llama';
  readonly abilities: EngineAbilities;
  readonly #runners: readonly ModelRunner[];
  readonly #pool: ModelPool;
  readonly #closing = new AbortController();
  readonly #log: (level: LogLevel, text: string) => void;
  #open = 0;

  constructor(options: LlamaOptions) {
    const { memoryBudgetBytes, keepAliveMs, others = [], log = () => {} } = options;
    this.#log = log;
    this.#runners = [options, ...others].map((model) => createModelRunner(model, options));
    this.abilities = { slots: Math.max(...this.#runners.map(({ slots }) => slots)), resume: 'tokens' };
    const predicted = new Map([options, ...others].map((model, index) => [this.#runners[index]?.id, predict(model)]));
    this.#pool = new ModelPool({
      models: this.#runners,
      predictedBytes: ({ id }) => predicted.get(id) ?? 0,
      budgetBytes: memoryBudgetBytes,
      keepAliveMs,
    });
  }

  /** Loads the models that were never loaded, one after the other. Rejects if the first cannot be loaded; omits others. */
  async models(): Promise<readonly ModelInfo[]> {
    if (this.#closing.signal.aborted) throw engineClosed();
    const [first] = this.#runners;
    for (const runner of this.#runners.filter(({ known }) => known === undefined)) {
      const loading = this.#load(runner);
      await (runner === first ? loading : loading.catch((error: unknown) => this.#logOmitted(runner, error)));
    }
    if (this.#closing.signal.aborted) throw engineClosed();
    return this.#known();
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    let leave: Leave | undefined;
    this.#open++;
    try {
      if (this.#open > OPEN_REQUESTS_MAX) throw overloaded();
      const runner = await unlessAborted(this.#runnerFor(request), signal);
      if (runner !== undefined) leave = await this.#pool.enter(runner, signal);
      if (this.#closing.signal.aborted) throw engineClosed();
      if (runner === undefined || leave === undefined) return yield aborted();
      yield* runner.generate(request, signal);
    } catch (error) {
      yield { type: 'error', error: ShoalError.from(error) };
    } finally {
      this.#open--;
      leave?.(request.keepAliveMs);
    }
  }

  resident(): Promise<readonly ResidentModel[]> {
    return Promise.resolve(this.#pool.list());
  }

  unavailable(): readonly string[] {
    return this.#runners.filter(({ hasFailed }) => hasFailed).map(({ id }) => id);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pool.close();
    await Promise.all(this.#runners.map((runner) => runner.close()));
  }

  /** Returns the runner of the request's model. Throws a `ShoalError` if no model fits. */
  async #runnerFor(request: InferenceRequest): Promise<ModelRunner | undefined> {
    const { model } = request;
    const isKnown = this.#known().some((one) => model !== undefined && isNamed(one, model));
    const isFirst = model === undefined && this.#runners[0]?.known !== undefined;
    const models =
      isKnown || isFirst
        ? this.#known()
        : await this.models().catch((error: unknown) => {
            throw modelUnavailable(error);
          });
    if (this.#closing.signal.aborted) throw engineClosed();
    const { id } = modelForRequest(request, models);
    return this.#runners.find((runner) => runner.id === id);
  }

  #known(): ModelInfo[] {
    return this.#runners.flatMap(({ id, known }) => (known === undefined ? [] : describe(id, known)));
  }

  #logOmitted({ id }: ModelRunner, error: unknown): void {
    const { message } = ShoalError.from(error);
    this.#log('error', `The model ${id} is not offered: ${message}`);
  }

  async #load(runner: ModelRunner): Promise<ModelInfo> {
    const leave = await this.#pool.enter(runner, this.#closing.signal);
    if (leave === undefined) throw engineClosed();
    try {
      return await runner.load();
    } finally {
      leave();
    }
  }
}

function predict({ modelPath, memoryBytes }: LlamaModel): number {
  return memoryBytes ?? statSync(modelPath, { throwIfNoEntry: false })?.size ?? 0;
}

/** The options of the machine apply to all models. */
function createModelRunner(model: LlamaModel, options: LlamaOptions): ModelRunner {
  const { modelPath, name, digest, parts } = model;
  const { contextLength, contextLengthMax, threads, cacheDirectory, packageFolder } = options;
  return new ModelRunner({
    id: name ?? modelName(modelPath),
    request: {
      modelPath,
      slots: options.slots ?? defaultSlots(modelPath),
      gpuLayers: options.gpuLayers ?? GPU_LAYERS_AUTO,
      digest,
      parts,
      packageFolder,
      contextLength,
      contextLengthMax,
      threads,
      cacheDirectory,
    },
    checkFile: options.checkFile ?? checkModelFile,
    memoryLimitBytes: options.memoryLimitBytes,
    log: options.log ?? (() => {}),
    onLoaded: options.onLoaded,
  });
}

/** Resolves with undefined if the signal aborts first. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  let stop = () => {};
  const abort = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, abort]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function aborted(): InferenceEvent {
  const usage = { promptTokens: 0, completionTokens: 0 };
  return { type: 'finish', reason: 'abort', rawReason: 'signal', usage };
}

function overloaded(): ShoalError {
  return new ShoalError('OVERLOADED', `The engine already has ${OPEN_REQUESTS_MAX} requests. Try again later.`);
}
