/**
 * The thread of a model's process that reports its work to the parent: one byte each time while there are requests. It has no
 * event loop and uses no processor without requests.
 */
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { HEARTBEAT, HEARTBEAT_DESCRIPTOR } from './messages.ts';
import { CELLS } from './heartbeat-cells.ts';

const INTERVAL_MS = 250;
/** The processor time of this thread itself, and of Node's others, is less than this in an interval. */
const IDLE_MICROS = 3_000;

const cells: unknown = workerData;
if (!(cells instanceof Int32Array)) throw new TypeError('The thread was started without its memory.');
// The parent then knows that signs arrive.
writeSync(HEARTBEAT_DESCRIPTOR, Uint8Array.of(HEARTBEAT.sign));
parentPort?.postMessage('ready');
for (;;) {
  Atomics.wait(cells, CELLS.open, 0);
  report(cells);
}

/** Returns when there are no requests. */
function report(memory: Int32Array): void {
  let before = look(memory);
  while (Atomics.wait(memory, CELLS.open, 1, INTERVAL_MS) === 'timed-out') {
    const now = look(memory);
    const hasProgress = now.steps !== before.steps || now.nodes !== before.nodes;
    // Pages of the model that are read from the disk take no processor time.
    const isBusy = now.micros - before.micros > IDLE_MICROS || now.pagesRead > before.pagesRead || now.waits;
    if (hasProgress || isBusy)
      writeSync(HEARTBEAT_DESCRIPTOR, Uint8Array.of(hasProgress ? HEARTBEAT.progress : HEARTBEAT.sign));
    before = now;
  }
}

function look(memory: Int32Array) {
  const { userCPUTime, systemCPUTime, majorPageFault } = process.resourceUsage();
  return {
    steps: Atomics.load(memory, CELLS.steps),
    nodes: Atomics.load(memory, CELLS.nodes),
    waits: Atomics.load(memory, CELLS.waits) === 1,
    micros: userCPUTime + systemCPUTime,
    pagesRead: majorPageFault,
  };
}
