/**
 * Measures a QMesh network of three worker processes with the demo model, on a DHT on loopback: latency, throughput, many
 * requests at once, and the loss of one worker. `npm run benchmark` runs it.
 *
 *   node bench/qmesh.ts [--rounds 30] [--json]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectQmesh, type Qmesh, type QmeshAnswer } from '@shoal/client/qmesh';
import { ShoalError } from '@shoal/protocol/error';
import type { Program } from '../test/harness/program.ts';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, type Figure, median, quantile, report } from './report.ts';

const RUN_WORKER = join(import.meta.dirname, '../examples/run-worker.js');
const WORKERS = 3;
/** Capacity of each worker; QMesh's default. */
const CAPACITY = 10;
const BUSY = 8;
const MANY = 2 * WORKERS * CAPACITY;
const PROMPT = 'Count to 50';
const MAX_TOKENS = 100;

interface Outcome {
  readonly answers: readonly QmeshAnswer[];
  readonly refused: number;
  readonly failed: number;
  readonly seconds: number;
}

const options = benchOptions(30);
const network = await TestNetwork.open();
const workers = Array.from({ length: WORKERS }, (_, index) => startWorker(`worker-${index + 1}`));
const qmesh = await connectQmesh({ bootstrap: [network.bootstrap] });
try {
  for (const worker of workers) await worker.until(() => worker.stdout.includes(' lends ') || undefined, 'the worker');
  await allKnown();
  await atOnce(qmesh, WORKERS);
  report('qmesh', [...(await latency()), ...(await throughput()), ...(await many()), ...(await workerLost())], options);
} finally {
  await qmesh.close();
  await network.close();
}

async function latency(): Promise<Figure[]> {
  const samples: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const startedAt = performance.now();
    await qmesh.ask('What is 2+2?', { maxTokens: MAX_TOKENS, temperature: 0 });
    samples.push(performance.now() - startedAt);
  }
  return [
    median('latency of a short answer, p50', 'ms', samples),
    quantile(0.99, 'latency of a short answer, p99', 'ms', samples),
  ];
}

/** Keeps a fixed number of requests running. */
async function throughput(): Promise<Figure[]> {
  const rounds = Math.max(1, Math.round(options.rounds / 10));
  const requests: number[] = [];
  const tokens: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { answers, seconds } = await atOnce(qmesh, BUSY);
    requests.push(answers.length / seconds);
    tokens.push(answers.reduce((sum, answer) => sum + answer.tokens, 0) / seconds);
  }
  return [
    median(`throughput with ${BUSY} at once`, 'requests/s', requests),
    median(`throughput with ${BUSY} at once`, 'tokens/s', tokens),
  ];
}

/** Sends twice the capacity of all queues: the other half is refused at once. */
async function many(): Promise<Figure[]> {
  const { answers, refused, failed, seconds } = await atOnce(qmesh, MANY);
  return [
    one(`${MANY} at once, of which the workers take ${WORKERS * CAPACITY}: answered`, 'requests', answers.length),
    one('refused as overloaded', 'requests', refused),
    one('failed', 'requests', failed, { atMost: 0 }),
    one('all of that took', 's', seconds),
  ];
}

/** The loss is detected after some heartbeats, and its requests are sent to the other workers. */
async function workerLost(): Promise<Figure[]> {
  const [victim] = workers;
  const asked = atOnce(qmesh, BUSY);
  await victim?.kill();
  const { answers, refused, failed, seconds } = await asked;
  return [
    one(`${BUSY} at once, and one of ${WORKERS} workers is killed: answered`, 'requests', answers.length, {
      atLeast: BUSY,
    }),
    one('lost', 'requests', refused + failed, { atMost: 0 }),
    one('all of that took', 's', seconds),
  ];
}

async function atOnce(client: Qmesh, count: number): Promise<Outcome> {
  const startedAt = performance.now();
  const asked = Array.from({ length: count }, () => client.ask(PROMPT, { maxTokens: MAX_TOKENS, temperature: 0 }));
  const settled = await Promise.allSettled(asked);
  const seconds = (performance.now() - startedAt) / 1_000;
  const errors = settled.flatMap((end) => (end.status === 'rejected' ? [ShoalError.from(end.reason)] : []));
  const refused = errors.filter(({ code }) => code === 'OVERLOADED').length;
  const answers = settled.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  return { answers, refused, failed: errors.length - refused, seconds };
}

function one(what: string, unit: string, value: number, target?: Figure['target']): Figure {
  return median(what, unit, [value], target);
}

function startWorker(name: string): Program {
  const folder = network.home(name);
  mkdirSync(folder);
  return network.run({
    name,
    // One thread is the fastest for a model this small.
    command: [RUN_WORKER, '--threads', '1', '--capacity', String(CAPACITY)],
    environment: { SHOAL_BOOTSTRAP: network.bootstrap, SHOAL_HOME: join(folder, 'home') },
    folder,
  });
}

async function allKnown(): Promise<void> {
  while (qmesh.workers().length < WORKERS) {
    await new Promise<void>((resolve) => {
      const stop = qmesh.onChange(() => {
        stop();
        resolve();
      });
    });
  }
}
