import type { Engine } from '@shoal/engine';
import type { ModelUse } from '@shoal/engine/model-files/model-file';
import type { LlamaModel } from '@shoal/engine-llama';
import { keepAliveMs } from '@shoal/formats/ollama/keep-alive';
import { ShoalError } from '@shoal/protocol/error';
import { engineLog } from '../counted-log.ts';
import { homeFiles, type Home } from '../home/home.ts';
import { machineMemory } from '../machine-memory.ts';
import type { Logger } from '../log.ts';
import { findDemoModel } from '../models/demo-model.ts';
import type { Configuration } from '../settings/configuration.ts';
import { runsFiles } from '../settings/settings.ts';
import { printableName } from '../printable.ts';
import type { GpuPackage } from './gpu-package.ts';
import type { StoreEngine } from './store-engine.ts';

export { findDemoModel };

const GIB = 1024 ** 3;
/** The share of this machine's memory for models if there is no `memoryBudget`. */
const MEMORY_SHARE = 0.8;

/** The settings of an engine. Only `engine` and `gpuLayers` are required: an engine has its own defaults. */
export interface EngineChoice
  extends Pick<Configuration, 'engine' | 'gpuLayers'>, Partial<Omit<Configuration, 'engine' | 'gpuLayers'>> {
  /** The largest context length if `contextLength` is undefined. Default: the engine's own. */
  readonly contextLengthMax?: number | undefined;
}

/**
 * Creates the engine of a configuration. Engines are imported here on demand, so that a node that does not lend loads none.
 * The home contains the models and the measurements of engines. Throws `INVALID_REQUEST` if a file does not exist,
 * `MODEL_NOT_FOUND` if no model has the name.
 */
export async function createEngine(choice: EngineChoice, home: Home, log: Logger): Promise<Engine> {
  const { engine, otherModels = [] } = choice;
  if (otherModels.length > 0 && !runsFiles(engine)) {
    log.warn(
      `The other models (--other-model, otherModels) are ignored: the engine ${engine} does not run model files.`,
    );
  }
  switch (choice.engine) {
    case 'echo':
      return createEchoEngine(choice);
    case 'ollama':
      return createOllamaEngine(choice);
    case 'openai':
      return createOpenAiEngine(choice);
    case 'auto':
    case 'llama':
    case 'llama-server':
      return createFileEngine(choice, home, log);
    default:
      return choice.engine satisfies never;
  }
}

async function createEchoEngine({ slots }: EngineChoice): Promise<Engine> {
  const { createEcho } = await import('@shoal/engine/echo');
  return createEcho({ slots });
}

async function createOllamaEngine({ model, slots, contextLength, ollamaUrl }: EngineChoice): Promise<Engine> {
  const { createOllama } = await import('@shoal/engine/ollama');
  return createOllama({
    model,
    slots,
    contextLength,
    baseUrl: ollamaUrl,
  });
}

async function createOpenAiEngine(choice: EngineChoice): Promise<Engine> {
  const { model, slots, contextLength, openaiUrl, openaiKey } = choice;
  if (openaiUrl === undefined) {
    throw ShoalError.invalidRequest(
      'The engine openai needs the address of its server: set --openai-url http://127.0.0.1:8000/v1, or OPENAI_BASE_URL.',
    );
  }
  const { createOpenAi } = await import('@shoal/engine/openai');
  return createOpenAi({
    baseUrl: openaiUrl,
    apiKey: openaiKey,
    model,
    slots,
    contextLength,
  });
}

/** Creates an engine for model files: llama.cpp within Node, or its own server. */
async function createFileEngine(choice: EngineChoice, home: Home, log: Logger): Promise<Engine> {
  const { otherModels = [] } = choice;
  const { chooseModels } = await import('../models/llama-models.ts');
  const [model, ...others] = await chooseModels(choice, home, () => demoModel(log));
  const { chooseLlama } = await import('./llama-choice.ts');
  const engine = otherModels.length > 0 && choice.engine === 'auto' ? 'llama' : choice.engine;
  const chosen = await chooseLlama(home, { ...choice, engine }, model.modelPath);
  if (chosen.engine === 'llama') return createLlamaEngine([model, ...others], choice, home, log);
  if (others.length > 0) {
    throw ShoalError.invalidRequest('The engine llama-server runs one model. Use --engine llama for several.');
  }
  const { path: binary } = chosen.server;
  log.info(`llama-server runs the model (${chosen.why}): ${binary}`);
  const { createLlamaServer } = await import('@shoal/engine/llama-server');
  return createLlamaServer({ ...model, ...fileOptions(choice, home, log), binary });
}

async function createLlamaEngine(
  [model, ...others]: readonly [LlamaModel, ...LlamaModel[]],
  choice: EngineChoice,
  home: Home,
  log: Logger,
): Promise<Engine> {
  const [{ createLlama }, { chooseGpuPackage }] = await Promise.all([
    import('@shoal/engine-llama'),
    import('./gpu-package.ts'),
  ]);
  const gpu = chooseGpuPackage(home, choice.gpuLayers);
  const packageFolder = gpu === undefined ? undefined : await usableFolder(gpu, log);
  return createLlama({ ...model, ...fileOptions(choice, home, log), packageFolder, others, ...residency(choice) });
}

/** Returns the folder of a GPU's package. Undefined if this machine lacks libraries for it: the processor then computes. */
async function usableFolder({ gpu, folder }: GpuPackage, log: Logger): Promise<string | undefined> {
  const { missingLibraries, remedyFor } = await import('./missing-libraries.ts');
  const missing = await missingLibraries(folder);
  const [first] = missing;
  if (first === undefined) return folder;
  const remedy = remedyFor(first) ?? `shoal engine remove ${gpu}`;
  log.warn(`The binaries for ${gpu} are not used, because this machine lacks ${missing.join(', ')}. To do: ${remedy}`);
  return undefined;
}

/**
 * Creates the engine for all models of this machine, which answers the node's own requests. `lentBytes` returns the memory of
 * the models that the node lends. Undefined if the configured engine does not run model files, or llama.cpp is not installed.
 */
export async function createStoreEngine(
  choice: EngineChoice,
  home: Home,
  { log, lentBytes }: { readonly log: Logger; readonly lentBytes: () => Promise<number> },
): Promise<StoreEngine | undefined> {
  if (!runsFiles(choice.engine)) return undefined;
  const [{ StoreEngine: Store }, { StoredModels }, { modelPlaces }, { findLlama }] = await Promise.all([
    import('./store-engine.ts'),
    import('../models/stored-models.ts'),
    import('../models/model-files.ts'),
    import('./packages.ts'),
  ]);
  if (findLlama().binary === undefined) return undefined;
  const { contextLength, slots, modelFolders } = choice;
  const models = new StoredModels({
    places: modelPlaces(home, modelFolders),
    contextLength,
    slots,
    onSkipped: (path, { message }) => log.warn(`${printableName(path)} is not offered: ${message}`),
  });
  return new Store({
    listModels: () => models.list(),
    createEngine: ({ id, ...model }, length) =>
      createLlamaEngine([{ ...model, name: id }], { ...choice, contextLength: length }, home, log),
    budgetBytes: residency(choice).memoryBudgetBytes,
    lentBytes,
  });
}

function fileOptions(choice: EngineChoice, home: Home, log: Logger) {
  return {
    ...machineOptions(choice),
    cacheDirectory: homeFiles(home).cache,
    checkFile: checkModel,
    log: engineLog(log),
  };
}

function machineOptions({ contextLength, contextLengthMax, threads, slots, gpuLayers }: EngineChoice) {
  return {
    gpuLayers,
    slots,
    contextLength,
    contextLengthMax,
    threads,
  };
}

/** Returns how models share this machine's memory. */
function residency({
  keepAlive = -1,
  memoryBudget,
}: EngineChoice): Readonly<Record<'keepAliveMs' | 'memoryBudgetBytes', number>> {
  const memory = machineMemory();
  return {
    memoryBudgetBytes: memoryBudget === undefined ? memory * MEMORY_SHARE : memoryBudget * GIB,
    keepAliveMs: keepAliveMs(keepAlive) ?? Infinity,
  };
}

/**
 * Checks the header of a model file, so that a broken or hostile file is refused before a process is started for it. Returns the
 * predicted memory of the loaded model in bytes.
 */
export async function checkModel(use: ModelUse): Promise<number> {
  const [{ inspectModel }, { predictedBytes }, { partsOf }] = await Promise.all([
    import('@shoal/models'),
    import('../models/predicted-memory.ts'),
    import('../models/model-files.ts'),
  ]);
  return predictedBytes(await inspectModel(partsOf(use.modelPath)), use);
}

function demoModel(log: Logger): string {
  const path = findDemoModel();
  if (path === undefined) {
    throw ShoalError.invalidRequest('There is no demo model in this installation. Name a GGUF file with --model.');
  }
  log.info('Lending the demo model, a toy that does sums and small talk; --model PATH lends a real one');
  return path;
}
