import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import HyperDHT from 'hyperdht';
import { Doorways } from '../harness/doorways.ts';
import type { RawSocket } from '../harness/raw-socket.ts';
import { TestNetwork } from '../harness/test-network.ts';

const MIB = 1_048_576;
const BOMBS = 1_000;
/** Memory growth allowed for 1,000 frames that claim 64 MiB each, and for all other data of a test. */
const MEMORY_GROWTH_BYTES_MAX = 64 * MIB;

/** Memory growth allowed after everything. The collector comes late on a busy machine; a leak of what was sent is twice this. */
const KEPT_BYTES_MAX = 256 * MIB;
/** A node disconnects within a second; on a slow machine the test may notice it later. */
const PARTING_MS_MAX = 5_000;
const CLAIMS_64_MIB = Buffer.from([0, 0, 0, 4]);

const network = await TestNetwork.open();
after(() => network.close());
const home = network.home('Doors');
await mkdir(home, { recursive: true });
const anyPort = { port: 0, maxConnections: 2 * BOMBS };
const doors = { donate: anyPort, qmesh: { capacity: 64 }, localllm: {}, websocket: anyPort, tcp: anyPort };
await writeFile(join(home, 'config.json'), JSON.stringify({ doors }));
const node = await network.start('Doors', '--lend', '--model', 'echo', '--max-tokens', '1000000');

const dht = new HyperDHT({ bootstrap: [network.bootstrap], host: '127.0.0.1' });
after(() => dht.destroy({ force: true }));

/** Every listener, as a raw connection and as a normal client. */
const doorways = await Doorways.of(node, dht, network.bootstrap);

/** A large prompt that is answered completely. */
const WORDS = 'word '.repeat(150_000);
// A program does not return the memory of its first large answers to the system, so these come before the measurement.
await Promise.all(Array.from({ length: 6 }, () => doorways.all.donate.ask(WORDS)));
const residentBefore = await node.residentBytes();

const TLS_HELLO = Buffer.from(`16030100f8010000f40303${'5a'.repeat(240)}`, 'hex');
const HTTP_REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
const NOISE = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index === 0 ? 0xff : (index * 131) % 256)));

for (const [name, { dial, ask }] of Object.entries(doorways.all)) {
  test(`${name}: bytes of an unknown protocol close their connection within a second, and no other connection`, async () => {
    const asked = ask();
    for (const bytes of [TLS_HELLO, NOISE, HTTP_REQUEST]) {
      const stranger = await dial();
      stranger.send(bytes);
      const startedAt = performance.now();
      await stranger.isClosed();
      assert.ok(performance.now() - startedAt < PARTING_MS_MAX);
    }
    assert.equal(await asked, 'still there?');
  });

  test(`${name}: an endless frame closes its connection, and does not grow the memory`, async () => {
    const before = await node.residentBytes();
    const talker = await dial();
    const piece = Buffer.from('{'.padEnd(MIB, ' '));
    for (let sent = 0; sent < 100 && !talker.isOver; sent += 1) await talker.sendAndFlush(piece);
    await talker.isClosed();
    const grown = (await node.residentBytes()) - before;
    assert.ok(grown < MEMORY_GROWTH_BYTES_MAX, `${Math.round(grown / MIB)} MiB more`);
  });
}

test(`${BOMBS} sockets that claim 64 MiB each are closed, and cost less than 64 MiB, while others are answered`, async () => {
  const before = await node.residentBytes();
  const bombs: RawSocket[] = [];
  for (let count = 0; count < BOMBS; count += 1) {
    const bomb = await doorways.socket('donate');
    // The length is valid and so is the start of the body: the door must wait for the rest without reserving its memory.
    bomb.send(Buffer.concat([CLAIMS_64_MIB, Buffer.from('{"v":1,')]));
    bombs.push(bomb);
  }
  const grown = (await node.residentBytes()) - before;
  assert.ok(grown < MEMORY_GROWTH_BYTES_MAX, `${Math.round(grown / MIB)} MiB more`);
  assert.equal(await doorways.all.donate.ask(), 'still there?');
  for (const bomb of bombs) bomb.destroy();
});

test('a client that does not read its answers is disconnected after ten seconds, and others are not', async () => {
  const [tcp, donate] = await Promise.all([doorways.socket('tcp', true), doorways.socket('donate', true)]);
  const hello = { type: 'peer_hello', protocol: 'shoal/1', peer_id: '0c'.repeat(32), node_name: 'Deaf', clusters: [] };
  tcp.send(`${JSON.stringify(hello)}\n`);
  tcp.send(`${JSON.stringify({ type: 'inference_request', request_id: '1', prompt: WORDS })}\n`);
  for (let job = 0; job < 24; job += 1) {
    donate.send(donateFrame({ v: 1, type: 'prompt', job_id: String(job), prompt: WORDS, max_out: 1_000_000 }));
  }
  await until(async () => (await ended('tcp')) > 0 && (await ended('donate')) > 0);
  assert.equal(await doorways.all.donate.ask(), 'still there?');
  tcp.destroy();
  donate.destroy();
});

test('afterwards every door answers, no requests run, and the memory is freed', async () => {
  for (const { ask } of Object.values(doorways.all)) assert.equal(await ask(), 'still there?');
  await until(async () => (await node.status()).doors.every(({ active, queued }) => active === 0 && queued === 0));
  const grown = (await node.residentBytes()) - residentBefore;
  assert.ok(grown < KEPT_BYTES_MAX, `${Math.round(grown / MIB)} MiB more than before`);
});

function donateFrame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}

/** The number of requests of a door that were aborted or failed. */
async function ended(name: string): Promise<number> {
  const view = (await node.status()).doors.find((door) => door.name === name);
  return (view?.aborted ?? 0) + (view?.failed ?? 0);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < giveUpAt, 'it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
