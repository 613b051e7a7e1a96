import { DEFAULT_CONTEXT_TOKENS, type ModelUse } from '@shoal/engine/model-files/model-file';
import { type GgufDescription, predictMemory } from '@shoal/models';

/** Returns the predicted memory of a loaded model in bytes, as an engine for model files uses it. */
export function predictedBytes(about: GgufDescription, use: Omit<ModelUse, 'modelPath'>): number {
  const { slots, contextLengthMax = DEFAULT_CONTEXT_TOKENS } = use;
  const contextLength = use.contextLength ?? Math.min(about.contextLength ?? DEFAULT_CONTEXT_TOKENS, contextLengthMax);
  return predictMemory(about, { contextLength, slots }).totalBytes;
}
