// Donates an engine to Donate compute clients and sends it a prompt, both in one program:
//   npx node examples/donate.ts "What is 2+2?"
// It uses the echo engine. With `mode: 'model_push'` and
// `mount: (modelPath, options) => createLlama({ modelPath, slots: 1, ...options })` clients send a GGUF file instead,
// with `node.putModel(createReadStream(path), { length })`, and send prompts with `node.infer({ ids })`.
import { dialDonate } from '@shoal/client/donate';
import { createEcho } from '@shoal/engine/echo';
import { serveDonate } from '@shoal/worker/donate';

const listener = await serveDonate({ mode: 'local_lm', engine: createEcho(), port: 0 });
const node = await dialDonate(listener.address);
console.error(`${listener.address} is ${node.hello.mode} with ${node.hello.model}`);
console.log(await node.prompt(process.argv[2] ?? 'What is 2+2?'));
node.close();
await listener.close();
