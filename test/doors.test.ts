import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from '@shoal/client';
import { dialDonate } from '@shoal/client/donate';
import { connectLocalLlm } from '@shoal/client/localllm';
import { connectQmesh } from '@shoal/client/qmesh';
import type { DoorView } from '@shoal/node/api';
import type { TestNode } from './harness/node.ts';
import { TestNetwork } from './harness/test-network.ts';

const CLUSTER = 'doors';
const DOORS = { donate: { port: 0 }, qmesh: {}, localllm: {}, websocket: { port: 0 }, tcp: { port: 0 } };
/** Long enough at this speed for everything that a test does at the same time. */
const LONG = 'word '.repeat(200);
const WORDS_PER_SECOND = 40;
const ENDING_MS_MAX = 2_000;

const network = await TestNetwork.open();
after(() => network.close());
const bootstrap = [network.bootstrap];

test('a node opens every door of its configuration over one engine, and lists them with the results of their requests', async () => {
  await using clients = new AsyncDisposableStack();
  await configure('All', DOORS);
  const node = await network.start('All', '--lend', '--model', 'echo', '--cluster', CLUSTER);
  const addressOf = await addresses(node);
  const shoal = clients.adopt(await connect({ clusters: [CLUSTER], bootstrap }), (client) => client.close());
  const web = clients.adopt(await connect({ peers: [addressOf('websocket')] }), (client) => client.close());
  const tcp = clients.adopt(await connect({ peers: [addressOf('tcp')] }), (client) => client.close());
  const qmesh = clients.adopt(await connectQmesh({ bootstrap }), (client) => client.close());
  const donate = clients.adopt(await dialDonate(addressOf('donate')), (client) => client.close());
  const host = await connectLocalLlm(addressOf('localllm'), { bootstrap });
  clients.defer(() => host.close());

  assert.equal(await shoal.text({ prompt: 'through the cluster' }), 'through the cluster');
  assert.equal(await web.text({ prompt: 'through a WebSocket' }), 'through a WebSocket');
  assert.equal(await tcp.text({ prompt: 'through TCP' }), 'through TCP');
  assert.equal((await qmesh.ask('through QMesh')).text, 'through QMesh');
  assert.equal(await donate.prompt('through Donate compute'), 'through Donate compute');
  assert.equal(await textOf(host.chat('through LocalLLM')), 'through LocalLLM');

  const { doors } = await node.status();
  assert.deepEqual(
    doors.map(({ name, connections, answered, failed, aborted, refused }) => {
      return [name, connections, answered, failed, aborted, refused];
    }),
    ['clusters', ...Object.keys(DOORS)].map((name) => [name, 1, 1, 0, 0, 0]),
  );
  const { stdout } = await node.shoal(['status']);
  assert.match(stdout, /^door +donate on 127\.0\.0\.1:\d+: 1 connected, 1 answered$/m);
});

test('each door keeps its own policy while another one runs', async () => {
  await using clients = new AsyncDisposableStack();
  await configure('Paced', { donate: { port: 0, queue: 1 }, localllm: {} });
  const node = await network.startPaced('Paced', 'paced', WORDS_PER_SECOND);
  const addressOf = await addresses(node);
  const first = clients.adopt(await dialDonate(addressOf('donate')), (client) => client.close());
  const second = clients.adopt(await dialDonate(addressOf('donate')), (client) => client.close());
  const third = clients.adopt(await dialDonate(addressOf('donate')), (client) => client.close());
  const host = await connectLocalLlm(addressOf('localllm'), { bootstrap });
  clients.defer(() => host.close());

  const running = first.prompt(LONG);
  running.catch(() => undefined);
  await node.doorIs('donate', ({ active }) => active === 1);
  const waiting = second.prompt('short');
  waiting.catch(() => undefined);
  await node.doorIs('donate', ({ queued }) => queued === 1);

  await assert.rejects(third.prompt('one too many'), { code: 'QUEUE_FULL' });
  await assert.rejects(textOf(host.chat('busy?')), { code: 'MODEL_BUSY' });

  first.close();
  assert.equal(await waiting, 'short');
  assert.equal(await textOf(host.chat('free again?')), 'free again?');
  const [donate] = (await node.status()).doors.filter(({ name }) => name === 'donate');
  assert.deepEqual([donate?.answered, donate?.aborted, donate?.refused], [1, 1, 1]);
});

test('a door without lending is refused, and so is a public door without a token', async () => {
  const closed = await network.shoal(network.home('Closed'), ['serve', '--port', '0', '--door', 'qmesh']);
  assert.equal(closed.code, 1);
  assert.match(closed.stderr, /The door qmesh is for answering others' prompts: open it with --lend\./);

  await configure('World', { websocket: { port: 0, host: '0.0.0.0' } });
  const world = await network.shoal(network.home('World'), ['serve', '--port', '0', '--lend', '--model', 'echo']);
  assert.equal(world.code, 1);
  assert.match(world.stderr, /SHOAL_WS_TOKEN/);
});

test('every idle process with a door ends within two seconds and leaves no temporary files', async () => {
  await configure('Ending', { ...DOORS, donate: { port: 0, mode: 'model_push' } });
  const node = await network.start('Ending', '--lend', '--model', 'echo', '--cluster', CLUSTER);
  const where = ['--engine', 'echo', '--bootstrap', network.bootstrap];
  const commands = [
    ['donate', '--mode', 'model_push', '--port', '0'],
    ['donate', '--port', '0', '--engine', 'echo'],
    ['qmesh', 'worker', ...where],
    ['share', ...where],
  ];
  const programs = await Promise.all(
    commands.map(async (args, index) => {
      const folder = network.home(`Ending${index}`);
      await mkdir(join(folder, 'tmp'), { recursive: true });
      const program = network.begin(folder, args, { TMPDIR: join(folder, 'tmp') }, folder);
      await program.until(() => program.stdout.length > 0 || undefined, 'its first output');
      return program;
    }),
  );
  const startedAt = performance.now();
  for (const program of programs) program.signal('SIGTERM');
  const codes = await Promise.all([node.stop(), ...programs.map((program) => program.ended())]);
  const elapsed = performance.now() - startedAt;
  assert.deepEqual(codes, [0, 0, 0, 0, 0]);
  assert.ok(elapsed < ENDING_MS_MAX, `${Math.round(elapsed)} ms`);
  for (const name of ['Ending', ...commands.map((_, index) => `Ending${index}`)]) {
    assert.deepEqual(await passingFiles(network.home(name)), []);
  }
});

async function configure(name: string, doors: object): Promise<void> {
  const home = network.home(name);
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'config.json'), JSON.stringify({ doors }));
}

async function addresses(node: TestNode): Promise<(name: string) => DoorView['address']> {
  const { doors } = await node.status();
  return (name) => doors.find((door) => door.name === name)?.address ?? assert.fail(`no door ${name}`);
}

async function textOf(
  events: AsyncIterable<{ type: string; text?: string | undefined; error?: Error | undefined }>,
): Promise<string> {
  let text = '';
  for await (const event of events) {
    text += event.text ?? '';
    if (event.error !== undefined) throw event.error;
  }
  return text;
}

/** Files of a process that must not outlive it. */
async function passingFiles(home: string): Promise<string[]> {
  const entries = await readdir(home, { recursive: true });
  return entries.filter((name) => /^(tmp|cache\/donate)\/|\.(lock|pid)$|api\.json$/.test(name));
}
