/**
 * Loaded into the node with `--import`. For each SIGUSR2 it writes a line to stderr with the longest stop of the event loop
 * since the signal before, in milliseconds: `{"loopStopMs":n}`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const NANOSECONDS = 1e6;
const RESOLUTION_MS = 2;

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();
process.on('SIGUSR2', () => {
  process.stderr.write(`{"loopStopMs":${histogram.max / NANOSECONDS - RESOLUTION_MS}}\n`);
  histogram.reset();
});
