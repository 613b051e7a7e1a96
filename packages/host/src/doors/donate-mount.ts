import { createLlama } from '@shoal/engine-llama';
import type { Mount } from '@shoal/worker/donate';
import type { Configuration } from '../settings/configuration.ts';
import { checkModel } from '../engines/choice.ts';
import { engineLog } from '../counted-log.ts';
import type { Logger } from '../log.ts';

/** The longest context of a pushed model, in tokens, if the configuration has none. */
const PUSHED_CONTEXT_TOKENS = 4_096;

/**
 * Returns the function that runs a pushed model: in a process of its own, with one context that is at most as long as the
 * node's. Nothing about the model is recorded.
 */
export function createMount({ gpuLayers, threads, contextLength }: Configuration, log: Logger): Mount {
  const longest = contextLength ?? PUSHED_CONTEXT_TOKENS;
  return (modelPath, { name, contextLength: asked }) =>
    createLlama({
      modelPath,
      name,
      slots: 1,
      checkFile: checkModel,
      gpuLayers,
      log: engineLog(log),
      threads,
      ...((asked ?? contextLength) !== undefined && { contextLength: Math.min(asked ?? longest, longest) }),
    });
}
