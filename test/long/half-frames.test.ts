import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dialDonate } from '@shoal/client/donate';
import { MAX_JOB_BYTES } from '@shoal/protocol/donate';
import { TestNetwork } from '../harness/test-network.ts';

const MIB = 1_048_576;
const SOCKETS = 512;
/** In MiB. The rest of the growth is what 512 connections may hold without asking, here and in Node. */
const PEER_MEMORY = 32;
/** The longest message that the door stores. A longer one is skipped or read in pieces. */
const ANNOUNCED_BYTES = MAX_JOB_BYTES;
/** Unfinished. */
const SENT_BYTES = 1_000_000;
/** Strangers may cost a node this much, whatever they send. */
const GROWTH_BYTES_MAX = 256 * MIB;
/** Long enough for all sockets to send everything to a node that takes it. */
const ATTACK_MS = 6_000;
const SAMPLE_MS = 50;
/** A job beside the attack takes less. */
const JOB_MS_MAX = 3_000;
const HEADER = Buffer.alloc(4);
HEADER.writeUInt32LE(ANNOUNCED_BYTES);
/** One array for all sockets, so that the test itself stays small. */
const PADDING = Buffer.alloc(SENT_BYTES, 'a');
const DEMO_MODEL = join(import.meta.dirname, '../../models/demo/shoal-demo.gguf');

const network = await TestNetwork.open();
after(() => network.close());
const home = network.home('Node');
await mkdir(home, { recursive: true });
const donate = { mode: 'model_push', port: 0, maxConnections: 2 * SOCKETS };
await writeFile(join(home, 'config.json'), JSON.stringify({ doors: { donate }, peerMemory: PEER_MEMORY }));
const node = await network.start('Node', '--lend', '--model', 'echo', '--engine', 'echo');
const address = (await node.status()).doors.find(({ name }) => name === 'donate')?.address ?? '';

test('sockets that hold unfinished frames of 1 MiB cost a node at most 256 MiB, and others are answered meanwhile', async () => {
  const client = await dialDonate(address);
  after(() => client.close());
  const model = await readFile(DEMO_MODEL);
  await client.putModel(inChunks(model), { length: model.length });
  const job = () => client.infer({ ids: [5, 6, 7], maxTokens: 4 });
  await job();

  const before = await node.residentBytes();
  let most = before;
  const sampling = setInterval(() => {
    void node.residentBytes().then((bytes) => (most = Math.max(most, bytes)));
  }, SAMPLE_MS);
  after(() => clearInterval(sampling));
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => halfFrame()));
  after(() => {
    for (const socket of sockets) socket.destroy();
  });
  let slowestMs = 0;
  for (const startedAt = performance.now(); performance.now() - startedAt < ATTACK_MS;) {
    const askedAt = performance.now();
    await job();
    slowestMs = Math.max(slowestMs, performance.now() - askedAt);
  }
  const grown = most - before;
  assert.ok(grown < GROWTH_BYTES_MAX, `${Math.round(grown / MIB)} MiB more`);
  assert.ok(slowestMs < JOB_MS_MAX, `a job took ${Math.round(slowestMs)} ms`);
  console.log(`${Math.round(grown / MIB)} MiB more, a job took at most ${Math.round(slowestMs)} ms`);
});

function halfFrame(): Promise<Socket> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // The node may close it at any time.
      socket.on('error', () => socket.destroy());
      socket.resume();
      socket.write(Buffer.concat([HEADER, Buffer.from('{"v":1,"type":"prompt","prompt":"')]));
      socket.write(PADDING);
      resolve(socket);
    });
  });
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += MIB) yield bytes.subarray(at, at + MIB);
}
