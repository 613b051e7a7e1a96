export { GPU_LAYERS_AUTO, parseGpuLayers } from './gpu-layers.ts';
export { createLlama, type LlamaModel, type LlamaOptions } from './llama.ts';
export { machineName, type ModelRecord, recallModel } from './model-record.ts';
export { createTokenizer, type Tokenizer } from './tokenizer.ts';
