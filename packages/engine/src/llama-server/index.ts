export * from './find.ts';
export { machineName } from '../llama/model-record.ts';
export { createLlamaServer, type LlamaServerOptions } from './llama-server.ts';
