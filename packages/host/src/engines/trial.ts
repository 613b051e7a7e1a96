import type { Engine } from '@shoal/engine';
import { createLlama } from '@shoal/engine-llama';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { findDemoModel } from '../models/demo-model.ts';
import type { GpuPackage } from './gpu-package.ts';
import { missingLibraries, remedyFor } from './missing-libraries.ts';

const CONTEXT_TOKENS = 256;
const REQUEST: InferenceRequest = {
  input: promptInput('What is 2+2?'),
  sampling: { maxTokens: 8, temperature: 0 },
  stop: [],
};

/** The outcome of an answer that the engine llama was made to give. */
export type Trial = SuccessfulTrial | FailedTrial;

export interface SuccessfulTrial {
  readonly works: true;
  readonly device: string;
  /** True if the process could not use a network. */
  readonly isOffline: boolean;
}

export interface FailedTrial {
  readonly works: false;
  readonly why: string;
  /** The remedy, if it is known. */
  readonly remedy?: string | undefined;
}

/**
 * Makes the engine llama answer a message with the demo model in a process of its own, on a GPU with its package, or on the
 * processor without one.
 */
export async function tryLlama(gpuPackage?: Pick<GpuPackage, 'gpu' | 'folder'>): Promise<Trial> {
  const modelPath = findDemoModel();
  if (modelPath === undefined) return { works: false, why: 'the demo model, which it is tried with, is not installed' };
  let isOffline = false;
  const engine = createLlama({
    modelPath,
    packageFolder: gpuPackage?.folder,
    gpuLayers: gpuPackage === undefined ? 0 : -1,
    slots: 1,
    threads: 1,
    contextLength: CONTEXT_TOKENS,
    onLoaded: (description) => (isOffline = description.isOffline),
  });
  try {
    const why = await whyNot(engine, gpuPackage?.gpu ?? 'cpu');
    if (why === undefined) return { works: true, device: gpuPackage?.gpu ?? 'cpu', isOffline };
    return await explain(why, gpuPackage);
  } catch (error) {
    return await explain(ShoalError.from(error).message, gpuPackage);
  } finally {
    await engine.close();
  }
}

/** Returns what is wrong with an engine; undefined if it answers on the device. Throws the engine's error. */
async function whyNot(engine: Engine, device: string): Promise<string | undefined> {
  const [model] = await engine.models();
  if (model?.abilities?.includes('messages') !== true) return 'the library for chat templates cannot be loaded';
  for await (const event of engine.generate(REQUEST, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
  }
  const [resident] = (await engine.resident?.()) ?? [];
  const { device: used = device } = resident ?? {};
  return used === device ? undefined : `no card was found for ${device}, and the answer was computed on ${used}`;
}

/** A library that is missing explains every other failure. */
async function explain(why: string, gpuPackage: Pick<GpuPackage, 'folder'> | undefined): Promise<Trial> {
  const missing = gpuPackage === undefined ? [] : await missingLibraries(gpuPackage.folder);
  if (missing.length === 0) return { works: false, why };
  const remedies = [...new Set(missing.flatMap((library) => remedyFor(library) ?? []))];
  return {
    works: false,
    why: `this machine lacks ${missing.join(', ')}`,
    remedy: remedies.length === 0 ? undefined : remedies.join('; '),
  };
}
