// Lends an engine to a cluster from your own program, until Ctrl-C:
//   npx node examples/lend.ts
// It uses the echo engine; `createLlama({ modelPath })` from '@shoal/engine-llama' lends a GGUF model.
import { once } from 'node:events';
import { createEcho } from '@shoal/engine/echo';
import { Network } from '@shoal/network';
import { createDht } from '@shoal/transport/dht';
import { Worker } from '@shoal/worker';

const { SHOAL_BOOTSTRAP: bootstrap, SHOAL_CLUSTER: cluster = 'gatewayai-poc' } = process.env;

const worker = await Worker.create({
  engine: createEcho(),
  limits: { slots: 2, queue: 8, maxTokens: 1_000 },
  health: () => 100,
});
const dht = createDht(bootstrap === undefined ? {} : { bootstrap: [bootstrap] });
const network = new Network({
  dht,
  paddedTopics: true,
  describe: () => ({ name: 'example', lends: true, models: worker.models }),
  status: () => worker.status(),
  onRequest: (exchange) => worker.queue.answer(exchange),
});
network.join(cluster);
console.error(`Lending echo to ${cluster}; Ctrl-C ends it`);

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await worker.close(5_000);
await network.close();
await dht.close();
