import assert from 'node:assert/strict';
import { chmod, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestNetwork } from '../harness/test-network.ts';

const KEPT = join(import.meta.dirname, 'home');
const ID = 'd6e3135aa412c49f218037f6e6f54356e10049f76435f9567657f91d6af09504';
const SERVER_ID = 'HM8FBnz4Smzc7HnAVsbVs2iSzmgQvY32AN2XvLNzGiRF';
const WORKER_ID = '42d159f2f969a9dd0529a431271c8bc2a2f7c4f3081c66ed8d38acfe25700e9c';

/** Properties of this home's node, the same for every version. */
const STATUS = {
  name: 'Keeper',
  id: ID,
  lends: true,
  load: { active: 0, queued: 0, slots: 3, queue_capacity: 7 },
  models: ['echo'],
  clusters: ['second lending', 'third lending', 'written-down lending'],
  doors: ['clusters', 'localllm', 'qmesh', 'tcp', 'websocket'],
  serverId: SERVER_ID,
};

interface Status {
  readonly name: string;
  readonly id: string;
  readonly lends: boolean;
  readonly load: object;
  readonly models: readonly { readonly id: string }[];
  readonly clusters: readonly { readonly id: string; readonly role: string }[];
  readonly doors: readonly { readonly name: string; readonly address: string }[];
}

const network = await TestNetwork.open();
after(() => network.close());

test('a home of version 0.1.0 opens with the same node, clusters and settings', async (t) => {
  const home = await copiedHome('Served');
  const node = network.begin(home, ['serve', '--port', '0', '--bootstrap', network.bootstrap]);
  t.after(() => node.kill());
  await node.until(() => /API on http/.test(node.stderr) || undefined, 'its API');

  assert.deepEqual(about(await json(home, 'status')), STATUS);
  assert.match(node.stderr, /Lending echo: 3 at once, 7 waiting, 128 tokens an answer/);
  assert.equal((await readFile(join(home, 'worker-id.txt'), 'utf8')).trim(), WORKER_ID);
  node.signal('SIGTERM');
  assert.equal(await node.ended(), 0, node.stderr);
});

test('restart starts the node of such a home with its previous flags', async (t) => {
  const home = await copiedHome('Restarted');
  const node = network.begin(home, ['serve', '--port', '0', '--bootstrap', network.bootstrap]);
  t.after(() => network.shoal(home, ['stop']));
  await node.until(() => /API on http/.test(node.stderr) || undefined, 'its API');
  // The node has overwritten the recorded launch with its own.
  await keepLaunch(home);

  assert.deepEqual(about(await json(home, 'restart')), STATUS);
  assert.equal(await node.ended(), 0, node.stderr);
  // The configuration sets 128.
  const log = await readFile(join(home, 'logs', 'shoal.log'), 'utf8');
  assert.match(log, /Lending echo: 3 at once, 7 waiting, 64 tokens an answer/);
  assert.equal((await network.shoal(home, ['stop'])).code, 0);
});

test('such a home keeps its models, conversations and measurements', async () => {
  const home = await copiedHome('Read');
  const { models } = await json<{ models: readonly { name: string; quantization: string }[] }>(home, 'list');
  const own = models.filter(({ name }) => /^(tiny|house-model):latest$/.test(name));
  assert.deepEqual(
    own.map(({ name, quantization }) => [name, quantization]),
    [
      ['house-model:latest', 'Q8_0'],
      ['tiny:latest', 'Q8_0'],
    ],
  );
  assert.deepEqual(await json(home, 'models', 'verify'), {
    sound: ['house-model:latest', 'tiny:latest'],
    broken: [],
    unreadable: [],
    orphans: [],
    unfinished_bytes: 0,
  });
  const { conversations } = await json<{ conversations: readonly { name: string; model: string; messages: number }[] }>(
    home,
    'saved',
    'list',
  );
  assert.deepEqual(
    conversations.map(({ name, model, messages }) => ({ name, model, messages })),
    [{ name: 'talk', model: 'tiny:latest', messages: 2 }],
  );
  const { chosen } = await json<{ chosen: { readonly engine: string } }>(home, 'engine', 'list');
  assert.equal(chosen.engine, 'echo');
});

/** Copies the home and restricts access to its secrets, because git does not store that. */
async function copiedHome(name: string): Promise<string> {
  const home = network.home(name);
  await cp(KEPT, home, { recursive: true });
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  }
  await keepLaunch(home);
  return home;
}

async function keepLaunch(home: string): Promise<void> {
  const launch = await readFile(join(KEPT, 'launch.json'), 'utf8');
  await writeFile(join(home, 'launch.json'), launch.replace('BOOTSTRAP', network.bootstrap));
}

async function json<Document = Status>(home: string, ...args: readonly string[]): Promise<Document> {
  const { code, stdout, stderr } = await network.shoal(home, [...args, '--json']);
  assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

function about({ name, id, lends, load, models, clusters, doors }: Status): typeof STATUS {
  return {
    name,
    id,
    lends,
    load: { ...STATUS.load, ...load },
    models: models.map((model) => model.id),
    clusters: clusters.map((cluster) => `${cluster.id} ${cluster.role}`).toSorted(),
    doors: doors.map((door) => door.name).toSorted(),
    serverId: doors.find((door) => door.name === 'localllm')?.address ?? '',
  };
}
