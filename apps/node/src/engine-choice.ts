import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '@shoal/engine';
import { ShoalError } from '@shoal/protocol';
import { ECHO_MODEL, type Configuration } from './configuration.ts';
import { homeFiles, type Home } from './home.ts';
import type { Logger } from './log.ts';

const DEMO_MODEL = 'models/demo/shoal-demo.gguf';

/** The demo model's file: in a checkout beside the rooms, in a published package within it. Undefined where it is not. */
export function findDemoModel(): string | undefined {
  const folders = [join(import.meta.dirname, '../../..'), join(import.meta.dirname, '..')];
  return folders.map((folder) => join(folder, DEMO_MODEL)).find((path) => existsSync(path));
}

/**
 * The engine that the configuration asks for; undefined for a node that does not lend. Engines are imported here and
 * only when wanted, so that a node which only asks never loads one. Throws `INVALID_REQUEST` where there is no model.
 */
export async function chooseEngine(configuration: Configuration, home: Home, log: Logger): Promise<Engine | undefined> {
  const { lend, model } = configuration;
  if (!lend) {
    if (model !== undefined) log.warn('A model is configured, but this node does not lend; --lend makes it answer.');
    return undefined;
  }
  if (model === ECHO_MODEL) {
    const { createEcho } = await import('@shoal/engine/echo');
    return createEcho(configuration.slots === undefined ? {} : { slots: configuration.slots });
  }
  return createLlamaEngine(configuration, model ?? demoModel(log), home, log);
}

function demoModel(log: Logger): string {
  const path = findDemoModel();
  if (path === undefined) {
    throw ShoalError.invalidRequest('There is no demo model in this installation. Name a GGUF file with --model.');
  }
  log.info('Lending the demo model, which is a toy that does sums and small talk; --model PATH lends a real one');
  return path;
}

async function createLlamaEngine(
  { modelName, contextLength, threads, slots, gpuLayers }: Configuration,
  modelPath: string,
  home: Home,
  log: Logger,
): Promise<Engine> {
  if (!existsSync(modelPath)) throw ShoalError.invalidRequest(`There is no model file ${modelPath}.`);
  const { createLlama } = await import('@shoal/engine/llama');
  return createLlama({
    modelPath,
    gpuLayers,
    cacheDirectory: homeFiles(home).cache,
    log: (level, line) => log[level](line),
    ...(slots !== undefined && { slots }),
    ...(modelName !== undefined && { name: modelName }),
    ...(contextLength !== undefined && { contextLength }),
    ...(threads !== undefined && { threads }),
  });
}
