/** Events closer together than this are one. */
const INTERVAL_MS = 200;
/** The rate is that of the latest so many milliseconds. */
const RATE_WINDOW_MS = 5_000;

/** How far a pull has come. `waiting` is for another pull of the same model, `checking` for the digest and the header. */
export interface PullProgress {
  readonly phase: 'finding' | 'waiting' | 'fetching' | 'checking' | 'done';
  /** Of all files together; what was there before counts. */
  readonly doneBytes: number;
  /** Absent as long as a server has not said it. */
  readonly totalBytes?: number | undefined;
  /** Only while fetching, once there is something to tell. */
  readonly bytesPerSecond?: number | undefined;
  readonly secondsLeft?: number | undefined;
}

/** Tells how a pull goes: each change of phase at once, and bytes a few times a second. */
export class ProgressMeter {
  readonly #tell: (progress: PullProgress) => void;
  readonly #now: () => number;
  #phase: PullProgress['phase'] | undefined;
  #toldAt = -Infinity;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** `now` is the monotonic clock, in milliseconds. */
  constructor(tell: (progress: PullProgress) => void, now = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  report(phase: PullProgress['phase'], doneBytes: number, totalBytes: number | undefined): void {
    const now = this.#now();
    if (phase === this.#phase && now - this.#toldAt < INTERVAL_MS) return;
    this.#phase = phase;
    this.#toldAt = now;
    const rate = phase === 'fetching' ? this.#rate(now, doneBytes) : undefined;
    this.#tell({
      phase,
      doneBytes,
      ...(totalBytes !== undefined && { totalBytes }),
      ...(rate !== undefined && { bytesPerSecond: rate }),
      ...(rate !== undefined &&
        totalBytes !== undefined && { secondsLeft: Math.max(0, totalBytes - doneBytes) / rate }),
    });
  }

  /** Undefined until something has come. What a resumed pull finds is not counted as fetched. */
  #rate(now: number, bytes: number): number | undefined {
    this.#samples = this.#samples.filter(({ at, bytes: before }) => now - at <= RATE_WINDOW_MS && before <= bytes);
    const [oldest] = this.#samples;
    this.#samples.push({ at: now, bytes });
    if (oldest === undefined || bytes === oldest.bytes || now === oldest.at) return undefined;
    return ((bytes - oldest.bytes) / (now - oldest.at)) * 1_000;
  }
}
