import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import HyperDHT from 'hyperdht';
import { RawPeer } from './harness/raw-peer.ts';
import { TestNetwork } from './harness/test-network.ts';

const CLUSTER = 'gatewayai-poc';
const MIB = 1_048_576;
/** Loose on purpose: the fault to detect grows the memory by the sent bytes, repeatedly. */
const MEMORY_GROWTH_BYTES_MAX = 96 * MIB;
/** Longer than a node takes to disconnect (1 s) even on a slow machine, shorter than its timeout for the rest of a message. */
const PARTING_MS_MAX = 10_000;

const network = await TestNetwork.open();
after(() => network.close());

const node = await network.start('Node', '--lend', '--model', 'echo', '--cluster', CLUSTER);
const { id: key } = await node.status();
const dht = new HyperDHT({ bootstrap: [network.bootstrap], host: '127.0.0.1' });
after(() => dht.destroy({ force: true }));

const residentBefore = await node.residentBytes();
/** Connected first, sends its request last: a silent peer stays connected. */
const silent = await dial();

const HELLO = { type: 'peer_hello', protocol: 'shoal/1', peer_id: '', node_name: 'Raw', clusters: [CLUSTER] };

/** A frame's header that claims 64 MiB, in either byte order. */
const LENGTH_BOMBS = [Buffer.from([0, 0, 0, 4]), Buffer.from([4, 0, 0, 0])];
const TLS_HELLO = Buffer.from('16030100f8010000f40303', 'hex');
const HTTP_REQUEST = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

test('a first byte that cannot start a message closes the connection without a reply', async () => {
  for (const bytes of [...LENGTH_BOMBS, TLS_HELLO, HTTP_REQUEST, randomBytes(4_096), '[]\n', '"text"\n']) {
    const peer = await dial();
    peer.send(bytes);
    await parts(peer);
    assert.doesNotMatch(peer.received, /inference_/);
  }
});

test('a line beyond the limit closes the connection, with or without a line end', async () => {
  const stranger = await dial();
  stranger.send(`{"type":"peer_hello","node_name":"${'a'.repeat(257 * 1_024)}`);
  await parts(stranger);

  const talker = await greeted();
  talker.send(`{"type":"ping","padding":"${'a'.repeat(MIB)}"}\n`);
  await parts(talker);
  assert.match(talker.received, /"code":"BAD_MESSAGE","message":"A message may have at most 1048576 bytes\."/);

  const chatter = await greeted();
  chatter.send(`{"type":"ping","padding":"${'a'.repeat(300 * 1_024)}"}\n`);
  await parts(chatter);
  assert.match(chatter.received, /"code":"BAD_MESSAGE","message":"Only a request may have more than 262144 bytes\."/);
});

test('a line without an end does not grow the memory while it arrives', async () => {
  const peer = await dial();
  const before = await node.residentBytes();
  for (let sent = 0; sent < 32 * MIB && !peer.isOver; sent += MIB) peer.send('{'.padEnd(MIB, ' '));
  await parts(peer);

  assert.ok((await node.residentBytes()) - before < MEMORY_GROWTH_BYTES_MAX);
});

test('an invalid message gets an error reply, and the connection stays open', async () => {
  const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`;
  for (const [line, error] of [
    ['{"type":"ping"', 'A message must be valid JSON.'],
    ['{"type":"\u0001"}', 'A message must be valid JSON.'],
    [deep, 'A message may nest at most 32 levels deep.'],
    ['{"type":"no_such_type"}', 'Unknown type: no_such_type.'],
    ['{}', 'Unknown type: undefined.'],
    ['{"type":"__proto__"}', 'Unknown type: __proto__.'],
    ['{"__proto__":{"type":"ping"},"constructor":{"prototype":{}}}', 'Unknown type: undefined.'],
    ['{"type":"peer_status","health":"excellent"}', 'peer_status: \\"health\\" must be a number from 0 to 100.'],
    ['{"type":"inference_request","prompt":"?"}', 'inference_request must have \\"request_id\\".'],
  ] as const) {
    const peer = await greeted();
    peer.send(`${line}\n`);
    await peer.receives(`"code":"BAD_MESSAGE","message":"${error}"`);
    await answers(peer);
  }
});

test('an OpenGateway peer gets no reply to invalid messages, and is answered afterwards', async () => {
  const peer = await dial();
  peer.send('{"type":"peer_hello","node_name":"Theirs","clusters":["gatewayai-poc"],"supported_models":[]}\n');
  peer.send('{"type":"inference_request"\n{}\n{"type":7}\n{"type":"inference_response"}\n');
  peer.send('{"type":"peer_hello","clusters":"none"}\n');

  await answers(peer);

  assert.doesNotMatch(peer.received, /error/);
});

test('a peer name cannot control the terminal that shows it', async () => {
  const peer = await dial();
  peer.send(`${JSON.stringify({ ...HELLO, node_name: '\u001b[2J\u009bEvil\r\n', models: [{ id: '\u0007x' }] })}\n`);
  await peer.receives('"type":"peer_status"');

  const { stdout } = await node.shoal(['peers']);

  assert.match(stdout, /Evil/);
  // oxlint-disable-next-line no-control-regex -- the test looks for control characters
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test('a flood of hellos with long names stays small in the log and in the list of peers, and others are still seen', async () => {
  const peer = await greeted();
  const before = node.stderrLines.join('\n').length;
  const models = Array.from({ length: 200 }, (_, index) => ({ id: `${index}-${'m'.repeat(500)}` }));
  for (let time = 0; time < 100; time += 1) {
    const name = `${time} ${'n'.repeat(120 * 1_024)}`;
    await peer.sendAndFlush(Buffer.from(`${JSON.stringify({ ...HELLO, node_name: name, models })}\n`));
  }
  await answers(peer);

  const other = await dial();
  other.send(`${JSON.stringify({ ...HELLO, node_name: 'Honest' })}\n`);
  await node.waitForLog(/^Peers: .*Honest/);
  const { stdout } = await node.shoal(['peers']);

  assert.ok(node.stderrLines.join('\n').length - before < 64 * 1_024);
  assert.ok(stdout.length < 16 * 1_024, `${stdout.length} characters`);
  assert.match(stdout, /and 192 more/);
});

test('sixteen invalid messages in a row close the connection', async () => {
  const peer = await greeted();
  peer.send('{"type":\n'.repeat(16));
  await parts(peer);

  assert.equal(peer.received.match(/"BAD_MESSAGE"/g)?.length, 16);
});

test('a peer of another cluster is not answered', async () => {
  const peer = await dial();
  peer.send(hello('another-cluster'));
  peer.send('{"type":"inference_request","request_id":"1","prompt":"Hello?"}\n');

  await peer.receives('"request_id":"1","code":"UNAUTHORIZED"');
});

test('a peer that never sent a hello is still connected, and its request is answered', async () => {
  assert.ok(!silent.isOver);

  await answers(silent);
});

test('afterwards the node answers, and its memory is freed', async () => {
  const { code, stdout } = await node.shoal(['prompt', 'Are you still there?']);
  assert.equal(code, 0);
  assert.equal(stdout, 'Are you still there?\n');

  const grownBy = (await node.residentBytes()) - residentBefore;
  assert.ok(grownBy < MEMORY_GROWTH_BYTES_MAX, `${Math.round(grownBy / MIB)} MiB more than before`);
});

function dial(): Promise<RawPeer> {
  return RawPeer.dial(dht, key);
}

/** A peer that has sent its hello in our own dialect. */
async function greeted(): Promise<RawPeer> {
  const peer = await dial();
  peer.send(hello(CLUSTER));
  await peer.receives('"type":"peer_status"');
  return peer;
}

function hello(...clusters: readonly string[]): string {
  return `${JSON.stringify({ ...HELLO, clusters })}\n`;
}

/** Waits until the node closes the connection because of the last bytes. */
async function parts(peer: RawPeer): Promise<void> {
  const startedAt = performance.now();
  await peer.isClosed();
  assert.ok(performance.now() - startedAt < PARTING_MS_MAX);
}

async function answers(peer: RawPeer): Promise<void> {
  peer.send('{"type":"inference_request","request_id":"the-end","prompt":"Still-here?"}\n');
  await peer.receives(/"request_id":"the-end","(text|response)":"Still-here\?"/);
}

/** The same bytes each time, which never start a message. */
function randomBytes(length: number): Uint8Array {
  let state = 42;
  return Uint8Array.from({ length }, (_, index) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return index === 0 ? 0xff : (state >> 16) & 0xff;
  });
}
