/** Shortest time between two events of the same phase. */
const INTERVAL_MS = 200;
/** The rate is measured over this time. */
const RATE_WINDOW_MS = 5_000;

/** The state of a pull. `waiting`: for another pull of the same model. `checking`: the digest and the header. */
export interface PullProgress {
  readonly phase: 'finding' | 'waiting' | 'fetching' | 'checking' | 'done';
  /** Of all files together, including bytes of earlier pulls. */
  readonly doneBytes: number;
  /** Undefined until the length of every file is known. */
  readonly totalBytes?: number | undefined;
  /** While fetching, once a rate can be computed. */
  readonly bytesPerSecond?: number | undefined;
  readonly secondsLeft?: number | undefined;
}

/** Emits the progress of a pull: each change of phase at once, and bytes a few times a second. */
export class ProgressMeter {
  readonly #emit: (progress: PullProgress) => void;
  readonly #now: () => number;
  #phase: PullProgress['phase'] | undefined;
  #emittedAt = -Infinity;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** `now` is the monotonic clock, in milliseconds. */
  constructor(emit: (progress: PullProgress) => void, now = () => performance.now()) {
    this.#emit = emit;
    this.#now = now;
  }

  report(phase: PullProgress['phase'], doneBytes: number, totalBytes: number | undefined): void {
    const now = this.#now();
    if (phase === this.#phase && now - this.#emittedAt < INTERVAL_MS) return;
    this.#phase = phase;
    this.#emittedAt = now;
    const rate = phase === 'fetching' ? this.#rate(now, doneBytes) : undefined;
    this.#emit({
      phase,
      doneBytes,
      ...(totalBytes !== undefined && { totalBytes }),
      ...(rate !== undefined && { bytesPerSecond: rate }),
      ...(rate !== undefined &&
        totalBytes !== undefined && { secondsLeft: Math.max(0, totalBytes - doneBytes) / rate }),
    });
  }

  /** Bytes per second. Undefined until bytes have arrived. Bytes of earlier pulls do not count. */
  #rate(now: number, bytes: number): number | undefined {
    this.#samples = this.#samples.filter(({ at, bytes: before }) => now - at <= RATE_WINDOW_MS && before <= bytes);
    const [oldest] = this.#samples;
    this.#samples.push({ at: now, bytes });
    if (oldest === undefined || bytes === oldest.bytes || now === oldest.at) return undefined;
    return ((bytes - oldest.bytes) / (now - oldest.at)) * 1_000;
  }
}
