import { statSync } from 'node:fs';
import { type InferenceEvent, type InferenceRequest, isNamed, type ModelInfo, ShoalError } from '@shoal/protocol';
import type { Engine, EngineAbilities, ResidentModel } from '@shoal/engine';
import { modelForRequest } from '@shoal/engine/request-check';
import { GPU_LAYERS_AUTO } from '@shoal/engine/model-files/gpu-layers';
import type { LogLevel } from './messages.ts';
import { checkModelFile, defaultSlots, modelName } from '@shoal/engine/model-files/model-file';
import { ModelPool } from './model-pool.ts';
import { describe, ModelRunner } from './model-runner.ts';
import { engineClosed, modelUnavailable } from '@shoal/engine/child-process/errors';

/** Requests that one engine takes at most, those that wait for a model or a slot included. */
const OPEN_REQUESTS_MAX = 256;

/** A model to offer. */
export interface LlamaModel {
  /** The GGUF file. */
  readonly modelPath: string;
  /** The model's id; absent: the file's name without `.gguf`. */
  readonly name?: string | undefined;
  /** Of the whole model, where it is known; absent: computed from the file. */
  readonly digest?: string | undefined;
  /** All files in order, where there are several. */
  readonly parts?: readonly string[] | undefined;
  /** What it will take of memory; absent: the size of its file. */
  readonly memoryBytes?: number | undefined;
}

export interface LlamaOptions extends LlamaModel {
  /** More models, each loaded when it is first asked for. */
  readonly others?: readonly LlamaModel[] | undefined;
  /** What all models in memory may take together; absent: no limit but one model at a time beyond it. */
  readonly memoryBudgetBytes?: number | undefined;
  /** How long a model stays in memory after its last answer: 0 not at all, Infinity (absent) for ever. */
  readonly keepAliveMs?: number | undefined;
  /** Tokens a slot; absent: what the model was trained on, at most `contextLengthMax`. */
  readonly contextLength?: number | undefined;
  /** Absent: 4,096. */
  readonly contextLengthMax?: number | undefined;
  /** Generations at once, each with a context of its own; absent: 4, for a file of more than 2 GiB 1. */
  readonly slots?: number | undefined;
  /** Layers that the GPU computes: -1 (absent) as many as fit, 0 none. */
  readonly gpuLayers?: number | undefined;
  /** The folder of node-llama-cpp's package for a GPU; absent: what npm installed for the processor. */
  readonly packageFolder?: string | undefined;
  /** Absent: measured when the model is first loaded. */
  readonly threads?: number | undefined;
  /** Where digests, measurements and compiled code are remembered; absent: nowhere. */
  readonly cacheDirectory?: string | undefined;
  /** Looks at a file before a process is started for it; throws what is wrong, in words for its owner. Absent: at its first bytes. */
  readonly checkFile?: ((path: string) => Promise<void>) | undefined;
  readonly log?: ((level: LogLevel, text: string) => void) | undefined;
}

/** llama.cpp, each model in a process of its own, which starts when the models are first asked for. */
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

  /** Those that were never loaded are, one after the other, to be known. One beside the first that cannot be is left out. */
  async models(): Promise<readonly ModelInfo[]> {
    if (this.#closing.signal.aborted) throw engineClosed();
    const [first] = this.#runners;
    for (const runner of this.#runners.filter(({ known }) => known === undefined)) {
      const learning = this.#learn(runner);
      await (runner === first ? learning : learning.catch((error: unknown) => this.#leaveOut(runner, error)));
    }
    if (this.#closing.signal.aborted) throw engineClosed();
    return this.#known();
  }

  async *generate(request: InferenceRequest, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    let leave: (() => void) | undefined;
    this.#open++;
    try {
      if (this.#open > OPEN_REQUESTS_MAX) throw overloaded();
      const runner = await unlessAborted(this.#choose(request), signal);
      if (runner !== undefined) leave = await this.#pool.enter(runner, signal);
      if (this.#closing.signal.aborted) throw engineClosed();
      if (runner === undefined || leave === undefined) return yield aborted();
      yield* runner.generate(request, signal);
    } catch (error) {
      yield { type: 'error', error: ShoalError.from(error) };
    } finally {
      this.#open--;
      leave?.();
    }
  }

  resident(): Promise<readonly ResidentModel[]> {
    return Promise.resolve(this.#pool.list());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pool.close();
    await Promise.all(this.#runners.map((runner) => runner.close()));
  }

  /** Throws `ShoalError`. */
  async #choose(request: InferenceRequest): Promise<ModelRunner | undefined> {
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

  #leaveOut({ id }: ModelRunner, error: unknown): void {
    const { message } = ShoalError.from(error);
    this.#log('error', `The model ${id} is not offered: ${message}`);
  }

  async #learn(runner: ModelRunner): Promise<ModelInfo> {
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

/** Settings of the machine hold for all models, the name and file of each for itself. */
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
    log: options.log ?? (() => {}),
  });
}

/** Undefined where the signal comes first. */
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
  return new ShoalError('OVERLOADED', `The engine has ${OPEN_REQUESTS_MAX} requests already.`);
}
