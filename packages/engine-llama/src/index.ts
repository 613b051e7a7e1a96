export { GPU_LAYERS_AUTO, parseGpuLayers } from '../model-files/gpu-layers.ts';
export { createLlama, type LlamaModel, type LlamaOptions } from './llama.ts';
export { DEFAULT_CONTEXT_TOKENS, defaultSlots, modelName } from '../model-files/model-file.ts';
export { machineName, type ModelRecord, recallModel } from '../model-files/model-record.ts';
