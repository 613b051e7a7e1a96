import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol';
import type { EngineName } from './settings.ts';
import type { Logger } from './log.ts';

const DEMO_MODEL = 'models/demo/shoal-demo.gguf';

/** What a configuration says of the engine. */
export interface EngineChoice {
  readonly engine: EngineName;
  /** A GGUF file, or a model's name where the engine is Ollama; absent: the demo model, or Ollama's first. */
  readonly model?: string;
  readonly modelName?: string;
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
 * loads one. `cacheDirectory` keeps what an engine measured. Throws `INVALID_REQUEST` where there is no model.
 */
export async function createEngine(choice: EngineChoice, cacheDirectory: string, log: Logger): Promise<Engine> {
  switch (choice.engine) {
    case 'echo':
      return createEchoEngine(choice);
    case 'ollama':
      return createOllamaEngine(choice);
    case 'llama':
      return createLlamaEngine(choice, cacheDirectory, log);
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

async function createLlamaEngine(choice: EngineChoice, cacheDirectory: string, log: Logger): Promise<Engine> {
  const { modelName, contextLength, contextLengthMax, threads, slots, gpuLayers } = choice;
  const modelPath = choice.model === undefined ? demoModel(log) : resolve(choice.model);
  if (!existsSync(modelPath)) throw ShoalError.invalidRequest(`There is no model file ${modelPath}.`);
  const { createLlama } = await import('@shoal/engine/llama');
  return createLlama({
    modelPath,
    gpuLayers,
    cacheDirectory,
    log: (level, line) => log[level](line),
    ...(slots !== undefined && { slots }),
    ...(modelName !== undefined && { name: modelName }),
    ...(contextLength !== undefined && { contextLength }),
    ...(contextLengthMax !== undefined && { contextLengthMax }),
    ...(threads !== undefined && { threads }),
  });
}

function demoModel(log: Logger): string {
  const path = findDemoModel();
  if (path === undefined) {
    throw ShoalError.invalidRequest('There is no demo model in this installation. Name a GGUF file with --model.');
  }
  log.info('Lending the demo model, which is a toy that does sums and small talk; --model PATH lends a real one');
  return path;
}
