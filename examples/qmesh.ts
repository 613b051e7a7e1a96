// A QMesh worker and a client that sends it a prompt, in one program:
//   npx node examples/qmesh.ts "What is 2+2?"
// SHOAL_BOOTSTRAP (host:port) selects the DHT. Default: the public one. The worker uses the echo engine;
// `createLlama({ modelPath })` from '@shoal/engine-llama' lends a GGUF model. As separate programs they are
// run-worker.js and basic-client.js.
import { randomBytes } from 'node:crypto';
import { connectQmesh } from '@shoal/client/qmesh';
import { createEcho } from '@shoal/engine/echo';
import { createDht } from '@shoal/transport/dht';
import { Worker } from '@shoal/worker';
import { openQmeshDoor } from '@shoal/worker/qmesh';

const { SHOAL_BOOTSTRAP: bootstrap } = process.env;
const prompt = process.argv[2] ?? 'What is 2+2?';

// One DHT per process; the worker and the client are two peers in it.
const dht = createDht(bootstrap === undefined ? {} : { bootstrap: [bootstrap] });
const worker = await Worker.create({
  engine: createEcho(),
  limits: { slots: 1, queue: 8, maxTokens: 1_000 },
  health: () => 100,
});
const door = await openQmeshDoor({ dht, worker, workerId: randomBytes(32).toString('hex'), maxTokens: 1_000 });
await door.announced();

const qmesh = await connectQmesh({ dht });
const [first] = await qmesh.discover();
console.error(`${first?.health.state}, with ${first?.health.queueCapacity} places`);
const { text, tokens } = await qmesh.ask(prompt, { maxTokens: 200, temperature: 0 });
console.log(text);
console.error(`${tokens} tokens`);

await qmesh.close();
await worker.close(5_000);
await door.close();
await dht.close();
