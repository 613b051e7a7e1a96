// Opens a WebSocket door for programs and web pages, and sends a prompt through it, both in one program:
//   npx node examples/websocket.ts "What is 2+2?"
// A page does the same: `connect({ peers: ['ws://127.0.0.1:17003'] })`. A door that other machines can
// reach needs `token` or `allowedKeys`.
import { connect } from '@shoal/client';
import { createEcho } from '@shoal/engine/echo';
import { identityOf } from '@shoal/protocol/shoal';
import { Worker } from '@shoal/worker';
import { openShoalDoor } from '@shoal/worker/shoal';
import { helloMessage } from '@shoal/network';

const limits = { slots: 2, queue: 8, maxTokens: 1_000 };
const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
const { key } = identityOf(crypto.getRandomValues(new Uint8Array(32)));
const self = { name: 'example', lends: true, models: worker.models };
const door = await openShoalDoor({
  transport: 'websocket',
  host: '127.0.0.1',
  port: 0,
  hello: () => helloMessage(self, { key, clusters: [], uptimeSeconds: process.uptime() }),
  worker,
});
console.error(`A door on ${door.address}`);

const shoal = await connect({ peers: [door.address] });
for await (const event of shoal.generate({ prompt: process.argv[2] ?? 'What is 2+2?' })) {
  if (event.type === 'text') process.stdout.write(event.text);
}
process.stdout.write('\n');
await shoal.close();
await worker.close(5_000);
await door.close();
