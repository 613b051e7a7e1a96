/**
 * Measures memory growth on both sides when the reader of an answer stops reading, over Hyperswarm: from before the request
 * until five seconds into the stall, with garbage collection at both times. The worker is a separate process that generates
 * as fast as it can; the reader is this process. Rounds without a request alternate with these and show the noise.
 *
 *   node bench/stalled-reader.ts [--rounds 5] [--json]
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type Shoal } from '@shoal/client';
import type { Program } from '../test/harness/program.ts';
import { TestNetwork } from '../test/harness/test-network.ts';
import { memoryOf } from './api/memory.ts';
import { memoryUse, type MemoryUse } from './memory-probe.ts';
import { benchOptions, type Figure, median, report, type Target } from './report.ts';

const CLUSTER = 'stalled-reader';
const WORKER = join(import.meta.dirname, 'endless-node.ts');
/** Bytes that are read before the reader stops. */
const TEXTS_READ = 100;
/** The worker's timeout for a stalled reader. */
const PARTING_MS = 500;
const MIB = 1_048_576;

interface Ends {
  readonly worker: MemoryUse;
  readonly reader: MemoryUse;
}

const options = benchOptions(5);
const STALL_MS = options.size(5_000, 200);
const WARM_UPS = options.size(2, 0);
const network = await TestNetwork.open();
const shoal = await connect({ clusters: [CLUSTER], bootstrap: [network.bootstrap] });
try {
  const worker = network.run({
    name: 'Worker',
    command: [WORKER, network.bootstrap, CLUSTER],
    environment: { SHOAL_HOME: network.home('Worker') },
  });
  await worker.until(() => worker.stderr.includes('API on') || undefined, 'the node to be ready');
  const stalled: Ends[] = [];
  const idle: Ends[] = [];
  for (let round = -WARM_UPS; round < options.rounds; round++) {
    const [growth, noise] = [await growthOf(worker, () => stall(shoal)), await growthOf(worker, rest)];
    if (round < 0) continue;
    stalled.push(growth);
    idle.push(noise);
  }
  report('stalled-reader', [...figures('stalled', stalled, { atMost: 1 }), ...figures('nothing asked', idle)], options);
} finally {
  await shoal.close();
  await network.close();
}

/** Memory growth during an action, measured before its resources are released. */
async function growthOf(worker: Program, act: () => Promise<() => Promise<unknown>>): Promise<Ends> {
  const before = await measure(worker);
  const close = await act();
  const after = await measure(worker);
  await close();
  await wait(PARTING_MS);
  return { worker: difference(before.worker, after.worker), reader: difference(before.reader, after.reader) };
}

/** Sends a request, reads a little of the answer, and stops reading. */
async function stall(client: Shoal): Promise<() => Promise<unknown>> {
  const answer = client.generate({ prompt: 'Tell me everything.' });
  for (let texts = 0; texts < TEXTS_READ;) {
    const { value } = await answer.next();
    if (value?.type === 'error') throw value.error;
    if (value === undefined || value.type === 'finish') throw new Error('The answer has an end.');
    if (value.type === 'text') texts += 1;
  }
  await wait(STALL_MS);
  return () => answer.return();
}

async function rest(): Promise<() => Promise<unknown>> {
  await wait(STALL_MS);
  return () => Promise.resolve();
}

async function measure(worker: Program): Promise<Ends> {
  return { worker: await memoryOf(worker), reader: memoryUse() };
}

function difference(before: MemoryUse, after: MemoryUse): MemoryUse {
  return {
    heapBytes: after.heapBytes - before.heapBytes,
    residentBytes: after.residentBytes - before.residentBytes,
  };
}

function figures(when: string, growths: readonly Ends[], target?: Target): Figure[] {
  const row = (what: string, bytes: (growth: Ends) => number): Figure => {
    const mebibytes = growths.map((growth) => bytes(growth) / MIB);
    return median(`${when}: ${what}`, 'MiB', mebibytes, target);
  };
  return [
    row('worker, heap and buffers', ({ worker }) => worker.heapBytes),
    row('worker, resident', ({ worker }) => worker.residentBytes),
    row('reader, heap and buffers', ({ reader }) => reader.heapBytes),
    row('reader, resident', ({ reader }) => reader.residentBytes),
  ];
}
