// Answers a prompt with llama.cpp: node engine.ts MODEL.gguf
import { createLlama } from '@shoal/engine-llama';

const [modelPath = ''] = process.argv.slice(2);
const engine = createLlama({ modelPath, gpuLayers: 0, threads: 1 });
const request = {
  input: { type: 'messages', messages: [{ role: 'user', content: 'What is 2+2?' }] },
  sampling: { temperature: 0, maxTokens: 8 },
  stop: [],
} as const;
for await (const event of engine.generate(request, new AbortController().signal)) {
  if (event.type === 'text') process.stdout.write(event.text);
  if (event.type === 'error') throw event.error;
}
await engine.close();
