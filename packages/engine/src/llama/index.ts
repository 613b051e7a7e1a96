export { GPU_LAYERS_AUTO, parseGpuLayers } from './gpu-layers.ts';
export { createLlama, type LlamaOptions } from './llama.ts';
export { createTokenizer, type Tokenizer } from './tokenizer.ts';
