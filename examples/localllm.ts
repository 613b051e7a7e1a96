// Shares an engine under a Server ID, or chats with a shared one:
//   npx node examples/localllm.ts                               shares, until Ctrl-C
//   npx node examples/localllm.ts SERVER_ID "What is 2+2?"      sends a prompt
// It uses the echo engine; `createLlama({ modelPath })` and `createOllama()` share a real model. SHOAL_BOOTSTRAP
// (host:port) selects the DHT. Default: the public one.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connectLocalLlm } from '@shoal/client/localllm';
import { createEcho } from '@shoal/engine/echo';
import { createDht } from '@shoal/transport/dht';
import { Worker } from '@shoal/worker';
import { openLocalLlmDoor } from '@shoal/worker/localllm';

const { SHOAL_BOOTSTRAP } = process.env;
const where = SHOAL_BOOTSTRAP === undefined ? {} : { bootstrap: [SHOAL_BOOTSTRAP] };
const [serverId, prompt = 'What is 2+2?'] = process.argv.slice(2);

if (serverId === undefined) await share();
else await ask(serverId, prompt);

async function share(): Promise<void> {
  const limits = { slots: 1, queue: 0, maxTokens: 1_000 };
  const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
  const dht = createDht(where);
  const door = openLocalLlmDoor({ dht, worker, name: 'example', topic: randomBytes(32), maxTokens: limits.maxTokens });
  console.log(door.serverId);

  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  await worker.close(5_000);
  await door.close();
  await dht.close();
}

async function ask(id: string, question: string): Promise<void> {
  const host = await connectLocalLlm(id, where);
  console.error(`${host.host.name} answers with ${host.host.model}`);
  for await (const event of host.chat(question)) {
    if (event.type === 'text') process.stdout.write(event.text);
    if (event.type === 'error') {
      console.error(`${event.error.code}: ${event.error.message}`);
      process.exitCode = 1;
    }
  }
  process.stdout.write('\n');
  await host.close();
}
