export * from './find.ts';
export { machineName } from '../model-files/model-record.ts';
export { createLlamaServer, type LlamaServerOptions } from './llama-server.ts';
export { tryServer } from './try-out.ts';
