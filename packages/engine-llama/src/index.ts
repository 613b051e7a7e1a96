export { GPU_LAYERS_AUTO, parseGpuLayers } from '@shoal/engine/model-files/gpu-layers';
export { createLlama, type LlamaModel, type LlamaOptions } from './llama.ts';
export type { LogLevel } from './messages.ts';
export { DEFAULT_CONTEXT_TOKENS, defaultSlots, modelName } from '@shoal/engine/model-files/model-file';
export { machineName, type ModelRecord, readModelRecord } from '@shoal/engine/model-files/model-record';
