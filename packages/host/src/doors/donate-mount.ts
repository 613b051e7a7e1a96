import { createLlama } from '@shoal/engine-llama';
import type { Mount } from '@shoal/worker/donate';
import type { Configuration } from '../settings/configuration.ts';
import { checkModel } from '../engines/choice.ts';
import type { Logger } from '../log.ts';

/** The longest context that a pushed model gets, in tokens, where the configuration names none. */
const PUSHED_CONTEXT_TOKENS = 4_096;

/**
 * How a node runs the models that Donate compute clients push: each in a process of its own, with one context, which may be
 * no longer than the node's own would be. Nothing about them is remembered.
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
      log: (level, line) => log[level](line),
      threads,
      ...((asked ?? contextLength) !== undefined && { contextLength: Math.min(asked ?? longest, longest) }),
    });
}
