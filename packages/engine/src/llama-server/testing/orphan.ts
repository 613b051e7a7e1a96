import { createLlamaServer } from '../index.ts';

/** Loads a model with a llama-server, prints its process id, and runs until it is killed. */
const [, , modelPath = '', binary = ''] = process.argv;
const log = (_: string, text: string): void => {
  const [, pid] = /in process (\d+)/.exec(text) ?? [];
  if (pid !== undefined) process.stdout.write(`${pid}\n`);
};
const engine = createLlamaServer({ modelPath, binary, threads: 1, gpuLayers: 0, slots: 1, log });
await engine.models();
process.stdin.resume();
