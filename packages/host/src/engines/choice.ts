import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '@shoal/engine';
import type { LlamaOptions } from '@shoal/engine-llama';
import { ShoalError } from '@shoal/protocol';
import { homeFiles, type Home } from '../home/home.ts';
import { keepAliveMs } from '../settings/keep-alive.ts';
import type { Logger } from '../log.ts';
import type { Configuration } from '../settings/configuration.ts';
import { runsFiles } from '../settings/settings.ts';

const DEMO_MODEL = 'models/demo/shoal-demo.gguf';
const GIB = 1024 ** 3;
/** Of this machine's memory, where nobody says what models may take. */
const MEMORY_SHARE = 0.8;

/** The settings of an engine. Only `engine` and `gpuLayers` are required: an engine has its own defaults. */
export interface EngineChoice
  extends Pick<Configuration, 'engine' | 'gpuLayers'>, Partial<Omit<Configuration, 'engine' | 'gpuLayers'>> {
  /** The largest context length if `contextLength` is undefined. Default: the engine's own. */
  readonly contextLengthMax?: number | undefined;
}

/** The demo model's file: in a checkout beside the rooms, in a published package within it. Undefined where it is not. */
export function findDemoModel(): string | undefined {
  const folders = [join(import.meta.dirname, '../../../..'), join(import.meta.dirname, '../..')];
  return folders.map((folder) => join(folder, DEMO_MODEL)).find((path) => existsSync(path));
}

/**
 * The engine of a configuration. Engines are imported here and only when wanted, so that a node which only asks never
 * loads one. The home has the models, and keeps what an engine measured. Throws `INVALID_REQUEST` where there is no such
 * file, `MODEL_NOT_FOUND` where no model has that name.
 */
export async function createEngine(choice: EngineChoice, home: Home, log: Logger): Promise<Engine> {
  const { engine, otherModels = [] } = choice;
  if (otherModels.length > 0 && !runsFiles(engine)) {
    log.warn(`The other models (--other-model, otherModels) are left out: the engine ${engine} runs no files.`);
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
      'The engine openai needs to know where its server is: --openai-url http://127.0.0.1:8000/v1, or OPENAI_BASE_URL.',
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

/** The engine of model files: llama.cpp within Node, or its own server. */
async function createFileEngine(choice: EngineChoice, home: Home, log: Logger): Promise<Engine> {
  const { otherModels = [] } = choice;
  const { chooseModels } = await import('../models/llama-models.ts');
  const [model, ...others] = await chooseModels(choice, home, () => demoModel(log));
  const options: LlamaOptions = {
    ...model,
    ...machineOptions(choice),
    cacheDirectory: homeFiles(home).cache,
    checkFile: checkModel,
    log: (level, line) => log[level](line),
  };
  const { chooseLlama } = await import('./llama-choice.ts');
  const engine = otherModels.length > 0 && choice.engine === 'auto' ? 'llama' : choice.engine;
  const chosen = await chooseLlama(home, { ...choice, engine }, model.modelPath);
  if (chosen.engine === 'llama') {
    const [{ createLlama }, { chooseGpuPackage }] = await Promise.all([
      import('@shoal/engine-llama'),
      import('./gpu-package.ts'),
    ]);
    const packageFolder = chooseGpuPackage(home, choice.gpuLayers)?.folder;
    const gpu = packageFolder === undefined ? {} : { packageFolder };
    return createLlama({ ...options, ...gpu, others, ...residency(choice) });
  }
  if (others.length > 0) {
    throw ShoalError.invalidRequest('The engine llama-server runs one model; take --engine llama for several.');
  }
  const { path: binary } = chosen.server;
  log.info(`llama-server runs the model (${chosen.why}): ${binary}`);
  const { createLlamaServer } = await import('@shoal/engine/llama-server');
  return createLlamaServer({ ...options, binary });
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

/** How models share this machine's memory. */
function residency({
  keepAlive = -1,
  memoryBudget,
}: EngineChoice): Pick<LlamaOptions, 'keepAliveMs' | 'memoryBudgetBytes'> {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return {
    memoryBudgetBytes: memoryBudget === undefined ? memory * MEMORY_SHARE : memoryBudget * GIB,
    keepAliveMs: keepAliveMs(keepAlive) ?? Infinity,
  };
}

/** A hostile or broken file is refused by its header, before a process is started for it. */
export async function checkModel(path: string): Promise<void> {
  const [{ inspectModel }, { partsOf }] = await Promise.all([
    import('@shoal/models'),
    import('../models/model-files.ts'),
  ]);
  await inspectModel(partsOf(path));
}

function demoModel(log: Logger): string {
  const path = findDemoModel();
  if (path === undefined) {
    throw ShoalError.invalidRequest('There is no demo model in this installation. Name a GGUF file with --model.');
  }
  log.info('Lending the demo model, which is a toy that does sums and small talk; --model PATH lends a real one');
  return path;
}
