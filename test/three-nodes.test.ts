import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ClusterView, PeerView } from '@shoal/node/api';
import type { PromptAnswer } from '../apps/cli/src/node/prompt-answer.ts';
import type { TestNode } from './harness/node.ts';
import { TestNetwork } from './harness/test-network.ts';

const CLUSTER = 'gatewayai-poc';
const QUESTION = 'What is 2+2?';
/** A silent worker counts as lost after 2 s; the rest is for slow machines. */
const TAKEOVER_MS_MAX = 10_000;
const LENDING = ['--lend', '--model', 'echo'];

const network = await TestNetwork.open();
after(() => network.close());

const nodeA = await network.start('NodeA', ...LENDING, '--cluster', CLUSTER);
const nodeB = await network.start('NodeB', ...LENDING, '--cluster', CLUSTER);
await nodeB.sees('NodeA');
const nodeC = await network.start('NodeC', '--cluster', CLUSTER);
// A flag names a cluster for one run, and these are started again without it.
for (const worker of [nodeA, nodeB]) await worker.shoal(['connect', CLUSTER, '--lend']);
/** The lending nodes by name; a restarted node replaces its entry. */
const workers = new Map([nodeA, nodeB].map((node) => [node.name, node]));

test('three nodes join, listen, and name their peers on stderr as JSON lines', async () => {
  await nodeA.sees('NodeB', 'NodeC');
  await nodeB.sees('NodeA', 'NodeC');
  await nodeC.sees('NodeA', 'NodeB');

  const messages = (node: TestNode): string[] => node.log.map(({ msg }) => msg);
  for (const node of [nodeA, nodeB, nodeC]) {
    assert.equal(node.log.length, node.stderrLines.length);
    const joined = messages(node).indexOf(`Joined cluster ${CLUSTER}`);
    const listening = messages(node).indexOf('Listening for peers');
    const met = messages(node).findIndex((line) => line.startsWith('Peers: '));
    assert.ok(joined !== -1 && joined < listening && listening < met, messages(node).join('\n'));
  }
  assert.ok(messages(nodeB).includes('Peers: [NodeA]'));
  assert.ok(messages(nodeC).includes('Peers: [NodeA, NodeB]'));
});

test('each of the three lists the two others and what they lend', async () => {
  const peers = await peersOf(nodeC);

  assert.deepEqual(peers.map(({ name }) => name).toSorted(), ['NodeA', 'NodeB']);
  for (const peer of peers) {
    assert.equal(peer.dialect, 'shoal');
    assert.equal(peer.lends, true);
    assert.deepEqual(peer.clusters, [CLUSTER]);
    assert.deepEqual(peer.models, [{ id: 'echo', abilities: ['messages', 'prompt', 'tokens', 'count'] }]);
  }
  assert.deepEqual((await peersOf(nodeA)).map(({ name, lends }) => `${name} ${lends}`).toSorted(), [
    'NodeB true',
    'NodeC false',
  ]);
});

test('a prompt from NodeC is answered by NodeA or NodeB', async () => {
  const answer = await ask(nodeC, QUESTION);

  assert.equal(answer.response, QUESTION);
  assert.equal(answer.model, 'echo');
  assert.ok(workers.has(answer.worker ?? ''), `answered by ${answer.worker}`);
  assert.deepEqual(answer.usage, { prompt_tokens: 3, completion_tokens: 3 });
  assert.equal(answer.chunks, 3);
});

test('only the answer is on stdout, and the worker is on stderr', async () => {
  const { code, stdout, stderr } = await nodeC.shoal(['prompt', QUESTION]);

  assert.equal(code, 0);
  assert.equal(stdout, `${QUESTION}\n`);
  assert.match(stderr, /^Node[AB] answered with echo: 3 tokens, first after \d+ ms/);
});

test('the worker that answered is stopped, the other answers, and the stopped one rejoins its clusters', async () => {
  const first = workerOf(await ask(nodeC, QUESTION));
  assert.equal(await first.stop(), 0);

  const second = workerOf(await ask(nodeC, QUESTION));
  assert.notEqual(second.name, first.name);

  await restart(first);
  await nodeC.sees('NodeA', 'NodeB');
});

test('the worker that answered is killed, and the other answers the next prompt', async () => {
  const first = workerOf(await ask(nodeC, QUESTION));
  first.signal('SIGKILL');

  const answer = await ask(nodeC, QUESTION);
  const second = workerOf(answer);
  assert.notEqual(second.name, first.name);
  assert.ok(answer.timing.total_ms < TAKEOVER_MS_MAX);

  await restart(first);
  await second.sees(first.name, 'NodeC');
});

test('a node that leaves the cluster disappears from the others, and sends no requests until it rejoins', async () => {
  assert.equal((await nodeC.shoal(['disconnect', CLUSTER])).code, 0);
  await nodeC.sees();
  for (const worker of workers.values()) await worker.sees(...namesWithout(worker.name));
  const lonely = await nodeC.shoal(['prompt', QUESTION]);
  assert.equal(lonely.code, 1);
  assert.match(lonely.stderr, /^shoal: This node is in no cluster\.[^\n]*\n$/);

  assert.equal((await nodeC.shoal(['connect', CLUSTER])).code, 0);
  await nodeC.sees('NodeA', 'NodeB');
  assert.equal((await ask(nodeC, QUESTION)).response, QUESTION);
});

test('two clusters are isolated, and a node in both sees the peers of each separately', async () => {
  const nodeD = await network.start('NodeD', ...LENDING, '--cluster', 'another');
  const other = await network.start('NodeE', '--cluster', 'another');
  await nodeD.sees('NodeE');
  assert.equal(workerName(await ask(other, QUESTION)), 'NodeD');

  assert.equal((await nodeC.shoal(['connect', 'another'])).code, 0);
  await nodeC.sees('NodeA', 'NodeB', 'NodeD', 'NodeE');
  assert.deepEqual((await peersOf(nodeC, CLUSTER)).map(({ name }) => name).toSorted(), ['NodeA', 'NodeB']);
  assert.deepEqual((await peersOf(nodeC, 'another')).map(({ name }) => name).toSorted(), ['NodeD', 'NodeE']);
  assert.equal(workerName(await ask(nodeC, QUESTION, '--cluster', 'another')), 'NodeD');
  assert.match(workerName(await ask(nodeC, QUESTION, '--cluster', CLUSTER)), /^Node[AB]$/);

  const strangers = /NodeD|NodeE/;
  for (const worker of workers.values()) {
    assert.ok(!worker.log.some(({ msg }) => strangers.test(msg)));
    assert.ok(!(await peersOf(worker)).some(({ name }) => strangers.test(name)));
  }
  await Promise.all([nodeD.stop(), other.stop()]);
});

test('a restarted node is in the clusters that it joined, and not in those that it left', async () => {
  assert.equal((await nodeC.shoal(['disconnect', 'another'])).code, 0);
  assert.equal(await nodeC.stop(), 0);

  const again = await network.start('NodeC');
  await again.sees('NodeA', 'NodeB');

  const { stdout } = await again.shoal(['clusters', '--json']);
  const { clusters }: { clusters: ClusterView[] } = JSON.parse(stdout);
  assert.deepEqual(clusters, [{ id: CLUSTER, role: 'using', peers: 2 }]);
  assert.equal((await ask(again, QUESTION)).response, QUESTION);
});

test('a lending node answers its own prompt if no other worker does', async () => {
  const alone = await network.start('Alone', ...LENDING, '--cluster', 'nobody-else');

  const answer = await ask(alone, QUESTION);

  assert.equal(answer.response, QUESTION);
  assert.equal(answer.worker, 'Alone');
});

test('a background node is restarted in its clusters, and stopped', async () => {
  const home = network.home('Background');
  const flags = ['--port', '0', '--bootstrap', network.bootstrap, '--name', 'Background'];
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await network.shoal(home, args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  try {
    await run('start', ...flags);
    await run('connect', 'behind-the-scenes');
    await run('restart');
    assert.match(await run('clusters'), /^behind-the-scenes +using +0 peers\n$/);
  } finally {
    await run('stop');
  }
  assert.equal((await network.shoal(home, ['status'])).code, 3);
});

async function ask(node: TestNode, ...args: readonly string[]): Promise<PromptAnswer> {
  const { code, stdout, stderr } = await node.shoal(['prompt', '--json', ...args]);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout);
}

async function peersOf(node: TestNode, ...cluster: readonly string[]): Promise<readonly PeerView[]> {
  const { stdout } = await node.shoal(['peers', '--json', ...cluster]);
  const { peers }: { peers: PeerView[] } = JSON.parse(stdout);
  return peers;
}

function workerName({ worker }: PromptAnswer): string {
  return worker ?? 'nobody';
}

function workerOf(answer: PromptAnswer): TestNode {
  const worker = workers.get(workerName(answer));
  assert.ok(worker !== undefined, `answered by ${answer.worker}`);
  return worker;
}

function namesWithout(name: string): string[] {
  return [...workers.keys()].filter((other) => other !== name);
}

/** Starts a worker in its previous home, without naming its clusters. */
async function restart({ name }: TestNode): Promise<void> {
  workers.set(name, await network.start(name, ...LENDING));
}
