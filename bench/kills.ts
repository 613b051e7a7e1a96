/**
 * Kills engine processes and workers while four streams of requests run, and compares every answer with that of an undisturbed
 * run. Each request must end exactly once. `--rounds` is the number of kills of each kind.
 *
 *   node bench/kills.ts [--rounds 1000] [--json]
 */
import { readdir, readFile } from 'node:fs/promises';
import { connect } from '@shoal/client';
import type { Peer } from '@shoal/network';
import type { TestNode } from '../test/harness/node.ts';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, type Figure, report } from './report.ts';

const CLUSTER = 'kills';
const STREAMS = 4;
const TOKENS = 48;
const PROMPTS = Array.from({ length: 8 }, (_, index) => `Count from ${index + 1} to 30`);
const WORKERS = ['One', 'Two'] as const;
const FLAGS = ['--lend', '--model', 'demo', '--cluster', CLUSTER, '--threads', '1', '--gpu-layers', '0'];

const options = benchOptions(1_000);
const kills = options.size(options.rounds, 1);
const counts = { same: 0, different: 0, failed: 0, ends: 0, asked: 0 };

const network = await TestNetwork.open();
const workers = new Map<string, TestNode>();
for (const name of WORKERS) workers.set(name, await network.start(name, ...FLAGS));
const shoal = await connect({ clusters: [CLUSTER], bootstrap: [network.bootstrap] });
for (const name of WORKERS) await seen(name, 0);

const references = new Map<string, string>();
for (const prompt of PROMPTS) references.set(prompt, (await ask(prompt)).text);

let isOver = false;
const streams = Array.from({ length: STREAMS }, async (_, stream) => {
  for (let index = stream; !isOver; index += 1) await compare(PROMPTS[index % PROMPTS.length] ?? '');
});
for (let kill = 0; kill < kills; kill += 1) {
  const name = WORKERS[kill % WORKERS.length] ?? 'One';
  await killEngine(name);
  await killWorker(name);
}
isOver = true;
await Promise.all(streams);
await shoal.close();
await network.close();

report(
  'kills',
  [
    figure('kills of engine processes, and as many of workers', kills),
    figure('requests', counts.asked),
    figure('ends beyond one for each request', counts.ends - counts.asked, 0),
    figure('answers that differ from the reference', counts.different, 0),
    figure('requests without an answer', counts.failed, 0),
    figure('answers as the reference', counts.same),
  ],
  options,
);

/** Returns the text, and the number of terminal events. */
async function ask(prompt: string): Promise<{ text: string; ends: number; isAnswered: boolean }> {
  let [text, ends, isAnswered] = ['', 0, false];
  for await (const event of shoal.generate({ prompt, maxTokens: TOKENS, temperature: 0 })) {
    if (event.type === 'text') text += event.text;
    if (event.type === 'finish' || event.type === 'error') ends += 1;
    if (event.type === 'finish') isAnswered = true;
    if (event.type === 'error' && !options.json) console.error(event.error.code, event.error.message);
  }
  return { text, ends, isAnswered };
}

async function compare(prompt: string): Promise<void> {
  const { text, ends, isAnswered } = await ask(prompt);
  counts.asked += 1;
  counts.ends += ends;
  if (!isAnswered) counts.failed += 1;
  else if (text === references.get(prompt)) counts.same += 1;
  else counts.different += 1;
}

/** Kills the process that runs the model, and waits until the worker can answer again. */
async function killEngine(name: string): Promise<void> {
  const worker = workers.get(name);
  if (worker === undefined) return;
  const engine = await engineOf(worker);
  if (engine !== undefined) process.kill(engine, 'SIGKILL');
  for (;;) {
    const next = await engineOf(worker);
    if (next !== undefined && next !== engine) break;
    await pause();
  }
  await answers(worker);
}

/** Kills a worker with its engine, starts it again in the same home, and waits until the client knows the new one. */
async function killWorker(name: string): Promise<void> {
  await workers.get(name)?.crash();
  const killedAt = Date.now();
  const worker = await network.start(name, ...FLAGS);
  workers.set(name, worker);
  await seen(name, killedAt);
  await answers(worker);
}

/** Waits until this worker lends to the client over a connection that is newer. The lost one is known for a while. */
async function seen(name: string, since: number): Promise<void> {
  const isIt = ({ info, connectedAt }: Peer): boolean =>
    info.name === name && info.models.length > 0 && connectedAt >= since;
  while (!shoal.peers(CLUSTER).some(isIt)) await pause();
}

/** Waits until the worker has a model that can answer. */
async function answers(worker: TestNode): Promise<void> {
  while ((await worker.status()).health === 0) await pause();
}

/** Returns the id of the process that runs the model. Another one renders chats. */
async function engineOf({ pid }: TestNode): Promise<number | undefined> {
  for (const child of await childrenOf(pid)) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(gone);
    if (/[/]child[.][tj]s/.test(command)) return child;
  }
  return undefined;
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(gone));
  return (await Promise.all(lists)).flatMap((list) => list.trim().split(' ').filter(Boolean).map(Number));
}

/** A process or a thread may end between the listing and the reading. */
function gone(): string {
  return '';
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

function figure(what: string, value: number, atMost?: number): Figure {
  return {
    what,
    unit: '',
    value,
    low: value,
    high: value,
    samples: 1,
    target: atMost === undefined ? undefined : { atMost },
  };
}
