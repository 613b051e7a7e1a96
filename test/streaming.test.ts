import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { TestNode } from './harness/node.ts';
import type { Program } from './harness/program.ts';
import { TestNetwork } from './harness/test-network.ts';

const CLUSTER = 'streams';
/** Slow enough that a test can act during the answer, fast enough that the test ends soon. */
const WORDS_PER_SECOND = 40;
const STORY = words(60);
/** Takes longer than the start of a node. */
const LONG_STORY = words(1_200);

const network = await TestNetwork.open();
after(() => network.close());

const workers = new Map<string, TestNode>();
const [client] = await Promise.all([
  network.start('Client', '--cluster', CLUSTER),
  startWorker('Worker1'),
  startWorker('Worker2'),
]);
await client.sees('Worker1', 'Worker2');

test('text arrives word by word, and an interrupted prompt frees the worker', async () => {
  const prompt = begin();
  await prompt.until(() => prompt.stdout.includes('word-2 ') || undefined, 'the second word');
  assert.ok(!prompt.stdout.includes('word-59 '));
  const busy = await busyWorker();

  prompt.signal('SIGINT');

  assert.equal(await prompt.ended(), 130);
  const text = prompt.stdout.trimEnd();
  assert.ok(STORY.startsWith(text) && text.length < STORY.length);
  while ((await busy.status()).load.active > 0);
});

test('a worker that is stopped completes its answer first', async () => {
  const prompt = begin();
  await prompt.until(() => prompt.stdout.includes('word-2 ') || undefined, 'the second word');
  const leaving = await busyWorker();

  assert.equal(await leaving.stop(), 0);

  assert.equal(await prompt.ended(), 0, prompt.stderr);
  assert.equal(prompt.stdout, `${STORY}\n`);
  assert.match(prompt.stderr, new RegExp(`^${leaving.name} answered with [^:]+: 60 tokens`));
  await startWorker(leaving.name);
  await client.sees('Worker1', 'Worker2');
});

test('a worker killed during an answer is replaced by one with the same model, and no word is lost or repeated', async () => {
  const prompt = begin();
  await prompt.until(() => prompt.stdout.includes('word-5 ') || undefined, 'the fifth word');
  const killed = await busyWorker();

  killed.signal('SIGKILL');

  assert.equal(await prompt.ended(), 0, prompt.stderr);
  assert.equal(prompt.stdout, `${STORY}\n`);
  assert.match(prompt.stderr, new RegExp(`^${others(killed).join()} answered with [^:]+: `));
  await startWorker(killed.name);
  await client.sees('Worker1', 'Worker2');
});

test('a worker that freezes during an answer is replaced too', async () => {
  const prompt = begin();
  await prompt.until(() => prompt.stdout.includes('word-5 ') || undefined, 'the fifth word');
  const frozen = await busyWorker();

  frozen.signal('SIGSTOP');

  assert.equal(await prompt.ended(), 0, prompt.stderr);
  assert.equal(prompt.stdout, `${STORY}\n`);
  assert.match(prompt.stderr, new RegExp(`^${others(frozen).join()} answered`));
  frozen.signal('SIGKILL');
  workers.delete(frozen.name);
});

test('a worker with another model does not continue an answer: it ends with an error, and the next prompt is answered', async () => {
  const prompt = begin(LONG_STORY);
  await prompt.until(() => prompt.stdout.includes('word-2 ') || undefined, 'the second word');
  const killed = await busyWorker();
  await network.startPaced('Stranger', CLUSTER, 1_000, '--digit', '1');
  await client.waitForLog(/^Peers: .*Stranger/);

  killed.signal('SIGKILL');

  assert.equal(await prompt.ended(), 1);
  const text = prompt.stdout.trimEnd();
  assert.ok(LONG_STORY.startsWith(text) && text.length < LONG_STORY.length);
  const failure = `^shoal: The answer is incomplete: ${killed.name} failed [^\\n]+ Nobody took over, [^\\n]+\\n$`;
  assert.match(prompt.stderr, new RegExp(failure));
  const next = await client.shoal(['prompt', 'Is anybody there?']);
  assert.equal(next.stdout, 'Is anybody there?\n');
  assert.match(next.stderr, /^Stranger answered/);
});

function words(count: number): string {
  return Array.from({ length: count }, (_, index) => `word-${index + 1}`).join(' ');
}

function begin(story: string = STORY): Program {
  return network.begin(client.home, ['prompt', story]);
}

async function startWorker(name: string): Promise<void> {
  const worker = await network.startPaced(name, CLUSTER, WORDS_PER_SECOND);
  workers.set(name, worker);
}

/** The worker that is answering. */
async function busyWorker(): Promise<TestNode> {
  for (const worker of workers.values()) if ((await worker.status()).load.active > 0) return worker;
  throw new Error('No worker is answering.');
}

function others({ name }: TestNode): string[] {
  return [...workers.keys()].filter((other) => other !== name);
}
