import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol';
import { homeFiles, type Home } from './home.ts';
import type { Logger } from './log.ts';
import type { EngineName } from './settings.ts';

const DEMO_MODEL = 'models/demo/shoal-demo.gguf';

/** What a configuration says of the engine. */
export interface EngineChoice {
  readonly engine: EngineName;
  /** A GGUF file or a model's name; absent: the demo model, or Ollama's first. */
  readonly model?: string;
  readonly modelName?: string;
  readonly modelFolders?: readonly string[];
  readonly contextLength?: number;
  /** What an absent `contextLength` is at most; absent: the engine's own number. */
  readonly contextLengthMax?: number;
  readonly gpuLayers: number;
  readonly threads?: number;
  /** Absent: the engine's own number. */
  readonly slots?: number;
  /** Where Ollama listens; absent: where it does by default. */
  readonly ollamaUrl?: string;
}

/** The demo model's file: in a checkout beside the rooms, in a published package within it. Undefined where it is not. */
export function findDemoModel(): string | undefined {
  const folders = [join(import.meta.dirname, '../../..'), join(import.meta.dirname, '..')];
  return folders.map((folder) => join(folder, DEMO_MODEL)).find((path) => existsSync(path));
}

/**
 * The engine of a configuration. Engines are imported here and only when wanted, so that a node which only asks never
 * loads one. The home has the models, and keeps what an engine measured. Throws `INVALID_REQUEST` where there is no such
 * file, `MODEL_NOT_FOUND` where no model has that name.
 */
export async function createEngine(choice: EngineChoice, home: Home, log: Logger): Promise<Engine> {
  switch (choice.engine) {
    case 'echo':
      return createEchoEngine(choice);
    case 'ollama':
      return createOllamaEngine(choice);
    case 'llama':
      return createLlamaEngine(choice, home, log);
    default:
      return choice.engine satisfies never;
  }
}

async function createEchoEngine({ slots }: EngineChoice): Promise<Engine> {
  const { createEcho } = await import('@shoal/engine/echo');
  return createEcho({ ...(slots !== undefined && { slots }) });
}

async function createOllamaEngine({ model, slots, contextLength, ollamaUrl }: EngineChoice): Promise<Engine> {
  const { createOllama } = await import('@shoal/engine/ollama');
  return createOllama({
    ...(model !== undefined && { model }),
    ...(slots !== undefined && { slots }),
    ...(contextLength !== undefined && { contextLength }),
    ...(ollamaUrl !== undefined && { baseUrl: ollamaUrl }),
  });
}

async function createLlamaEngine(choice: EngineChoice, home: Home, log: Logger): Promise<Engine> {
  const { contextLength, contextLengthMax, threads, slots, gpuLayers } = choice;
  const { path: modelPath, name: ownName } = await chooseModel(choice, home, log);
  const modelName = choice.modelName ?? ownName;
  const { createLlama } = await import('@shoal/engine/llama');
  return createLlama({
    modelPath,
    gpuLayers,
    cacheDirectory: homeFiles(home).cache,
    log: (level, line) => log[level](line),
    ...(slots !== undefined && { slots }),
    ...(modelName !== undefined && { name: modelName }),
    ...(contextLength !== undefined && { contextLength }),
    ...(contextLengthMax !== undefined && { contextLengthMax }),
    ...(threads !== undefined && { threads }),
  });
}

/** A model that is called by its name keeps it, and one that is called by its file gets the file's. */
async function chooseModel({ model, modelFolders }: EngineChoice, home: Home, log: Logger) {
  if (model === undefined) return { path: demoModel(log), name: undefined };
  const { findModel, modelPlaces } = await import('./model-files.ts');
  return findModel(modelPlaces(home, modelFolders), model);
}

function demoModel(log: Logger): string {
  const path = findDemoModel();
  if (path === undefined) {
    throw ShoalError.invalidRequest('There is no demo model in this installation. Name a GGUF file with --model.');
  }
  log.info('Lending the demo model, which is a toy that does sums and small talk; --model PATH lends a real one');
  return path;
}
