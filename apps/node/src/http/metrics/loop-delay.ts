import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Interval between two measurements. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e9;

/** Measures the delay of the event loop, with a timer of the system that does not keep the process alive. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** Returns the 99th percentile since the last call, in seconds. The histogram has intervals, of which the delay is a part. */
  take(): number {
    const interval = this.#histogram.count === 0 ? 0 : this.#histogram.percentile(99) / NANOSECONDS;
    this.#histogram.reset();
    return Math.max(0, interval - RESOLUTION_MS / 1_000);
  }

  close(): void {
    this.#histogram.disable();
  }
}
