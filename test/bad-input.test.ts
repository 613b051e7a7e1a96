import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Ran, TestNetwork } from './harness/test-network.ts';

const CLUSTER = 'gatewayai-poc';

const network = await TestNetwork.open();
after(() => network.close());

const [node, asking, alsoAsking] = await Promise.all([
  network.start('Node', '--lend', '--model', 'echo', '--cluster', CLUSTER),
  network.start('Asking', '--cluster', CLUSTER, '--cluster', 'nobody-lends', '--cluster', 'nobody-at-all'),
  network.start('AlsoAsking', '--cluster', 'nobody-lends'),
]);
const nowhere = network.home('Nowhere');

/** Every command that needs a running node. */
const COMMANDS = [
  ['status'],
  ['clusters'],
  ['connect', CLUSTER],
  ['disconnect', CLUSTER],
  ['peers'],
  ['prompt', 'Hello?'],
  ['restart'],
] as const;

test('an unknown command gets a suggestion', async () => {
  const plain = await node.shoal(['statsu']);
  assert.equal(plain.code, 2);
  assert.equal(plain.stdout, '');
  assert.match(plain.stderr, /^shoal: unknown command 'statsu'\. Did you mean status\?\n$/);

  const json = await node.shoal(['statsu', '--json']);
  assert.equal(json.code, 2);
  assert.match(errorOf(json).message, /Did you mean status/);
  assert.equal(json.stderr, '');
});

test('an unknown flag and a wrong value are named, with the expected values', async () => {
  const flag = await node.shoal(['prompt', '--modle', 'echo', 'Hello?']);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /^shoal: unknown option '--modle'\. Did you mean --model\?\n$/);

  const value = await network.shoal(nowhere, ['serve', '--slots', 'many']);
  assert.equal(value.code, 2);
  assert.equal(value.stderr, 'shoal: --slots must be a whole number from 1 to 64.\n');
});

for (const [name, id] of [
  ['an empty cluster id', ''],
  ['a cluster id of 256 bytes', `${'ü'.repeat(127)}ab`],
  ['a cluster id with a control character', 'gateway\u0007ai'],
] as const) {
  test(`${name} is refused by a running node and by one that starts`, async () => {
    const rule = /1 to 255 bytes of UTF-8/;
    const joining = await node.shoal(['connect', '--json', id]);
    assert.equal(joining.code, 1);
    assert.match(errorOf(joining).message, rule);
    const starting = await network.shoal(nowhere, ['serve', '--cluster', id, '--json']);
    assert.equal(starting.code, 2);
    assert.match(errorOf(starting).message, rule);
  });
}

test('a cluster id of 255 bytes is accepted', async () => {
  const id = `${'ü'.repeat(127)}a`;

  assert.equal((await node.shoal(['connect', id])).code, 0);
  assert.equal((await node.shoal(['disconnect', id])).code, 0);
});

test('leaving a cluster that is not joined lists the joined ones', async () => {
  const { code, stderr } = await node.shoal(['disconnect', 'elsewhere']);

  assert.equal(code, 1);
  assert.equal(stderr, `shoal: This node is not in cluster elsewhere. It is in: ${CLUSTER}.\n`);
});

test('a prompt to a cluster that is not joined, or a request for its peers, lists the joined ones', async () => {
  for (const args of [
    ['prompt', '--cluster', 'elsewhere', 'Hello?'],
    ['peers', 'elsewhere'],
  ]) {
    const { code, stderr } = await node.shoal(args);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`It is in: ${CLUSTER}\\.`));
  }
});

test('a prompt that is too long is refused, and the error gives the limit', async () => {
  const { code, stdout, stderr } = await node.shoal(['prompt', '-'], { input: 'a'.repeat(16_777_217) });
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.equal(stderr, 'shoal: The prompt is too long: the limit is 16777216 bytes.\n');

  const escaped = await node.shoal(['prompt', '--json', '-'], { input: '"'.repeat(9_000_000) });
  assert.equal(escaped.code, 1);
  assert.match(errorOf(escaped).message, /too long: 18000\d+ bytes as JSON; the limit is 16777216/);
});

test('an empty prompt is wrong usage', async () => {
  assert.equal((await node.shoal(['prompt', '  '])).code, 2);
});

test('an unknown model is refused, and the error lists the existing ones', async () => {
  await asking.sees('AlsoAsking', 'Node');
  const { code, stdout, stderr } = await asking.shoal(['prompt', '--model', 'llama-405b', 'Hello?']);

  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.equal(stderr, 'shoal: No model "llama-405b" here; there are: echo.\n');

  const demo = await asking.shoal(['prompt', '--model', 'demo', 'Hello?']);
  assert.match(
    demo.stderr,
    /there are: echo\. The node does not lend the demo model: .* or without it: shoal run demo\n$/,
  );
});

test('a prompt to a cluster without a worker fails with one line that gives the reason and advice', async () => {
  await alsoAsking.sees('Asking');
  const [unwilling, alone] = await Promise.all([
    asking.shoal(['prompt', '--json', '--cluster', 'nobody-lends', 'Hello?']),
    asking.shoal(['prompt', '--cluster', 'nobody-at-all', 'Hello?']),
  ]);

  const advice = 'Start one there: shoal serve --lend';
  assert.equal(unwilling.code, 1);
  assert.deepEqual(errorOf(unwilling), {
    code: 'HOST_OFFLINE',
    message: `No worker in cluster nobody-lends: 1 peer was found, and it does not lend. ${advice}`,
  });
  assert.equal(alone.code, 1);
  assert.equal(alone.stdout, '');
  assert.equal(alone.stderr, `shoal: No worker in cluster nobody-at-all: no peer was found. ${advice}\n`);
});

test('without a running node every command that needs one ends with exit code 3, also with --json', async () => {
  for (const args of COMMANDS) {
    const [plain, json] = await Promise.all([
      network.shoal(nowhere, args),
      network.shoal(nowhere, [...args, '--json']),
    ]);
    assert.equal(plain.code, 3, args.join(' '));
    assert.match(plain.stdout + plain.stderr, /not running/);
    assert.equal(json.code, 3);
    assert.match(errorOf(json).message, /not running/);
  }
});

test('a port in use ends the start with an error that names the port and gives advice', async () => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const address = squatter.address();
  assert.ok(typeof address === 'object' && address !== null);

  const { code, stderr } = await network.shoal(nowhere, ['serve', '--port', String(address.port)]);

  assert.equal(code, 1);
  const advice = 'is taken by another program. Use --port 0 for a free one, or set SHOAL_PORT.';
  assert.equal(stderr, `shoal: Port ${address.port} ${advice}\n`);
  squatter.close();
});

test('the error for a home without write access names the home', async () => {
  await mkdir(nowhere, { recursive: true });
  const file = join(nowhere, 'a-file');
  await writeFile(file, '');
  const home = join(file, 'home');

  for (const command of ['serve', 'start', 'resources']) {
    const { code, stderr } = await network.shoal(home, [command]);
    assert.equal(code, 1, command);
    assert.match(stderr, new RegExp(`^shoal: The home ${home} cannot be written \\(ENOTDIR\\)\\. Set SHOAL_HOME `));
  }
});

test('a second node in the same home is refused, and the first one keeps running', async () => {
  const { code, stderr } = await node.shoal(['serve', '--port', '0']);

  assert.equal(code, 1);
  assert.match(stderr, /A node already runs in this home \(pid \d+\)\. .*--node NAME/);
  assert.equal((await node.status()).state, 'ready');
});

test('after all of that the node still answers', async () => {
  const { code, stdout } = await node.shoal(['prompt', 'Are you still there?']);

  assert.equal(code, 0);
  assert.equal(stdout, 'Are you still there?\n');
});

function errorOf({ stdout }: Ran): { code: string; message: string } {
  const { error }: { error: { code: string; message: string } } = JSON.parse(stdout);
  return error;
}
