/** Steps whose median is the speed of a thread count. */
const WINDOW_STEPS = 12;
/** The last of them, which show a change. */
const RECENT_STEPS = 4;
/** Steps in which the usual time follows a change. */
const FOLLOW_STEPS = 100;
/** Steps of a trial, without the first one, in which new threads start. */
const TRIAL_STEPS = 6;
/** A trial ends at once if a step takes this much longer than before: spinning threads that wait for a core cost that. */
const TRIAL_LIMIT = 1.5;
/** Another thread count must be faster by this factor to be kept, so that noise changes nothing. */
const GAIN = 0.94;
/** Steps that take this much longer than usual mean that other work has taken a core. */
const SLOWDOWN = 1.6;
/** The wait before the next trial of the same kind. It doubles with each trial that was not faster. */
const TRIAL_PAUSE_MS = 1_000;
const TRIAL_PAUSE_MAX_MS = 8_000;
/** The share of a core that counts as a free core. */
const FREE_CORE = 0.7;

export interface ThreadControlOptions {
  /** The thread count to begin with. */
  readonly threads: number;
  readonly cores: number;
  /** The monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** Returns the number of cores that other programs do not use, also a fraction. Undefined if unknown. */
  readonly freeCores: () => number | undefined;
}

interface Trial {
  readonly threads: number;
  readonly direction: Direction;
  /** The time of a step before it. */
  readonly before: number;
  /** True if steps had become slow. */
  readonly isSlow: boolean;
  readonly times: number[];
  isWarm: boolean;
}

type Direction = 'fewer' | 'more';

/**
 * Chooses the number of threads while a model answers. Threads of ggml spin while they wait for each other: with one thread
 * more than there are free cores a token takes ten times longer, and with one fewer a core is idle. So the number follows the
 * load: it is compared with its neighbours in short trials, when other work has come or gone.
 */
export class ThreadControl {
  readonly #options: ThreadControlOptions;
  readonly #pauses = { fewer: new Pause(), more: new Pause() };
  #threads: number;
  #answers = 0;
  #times: number[] = [];
  /** The time of a step of this thread count when it was undisturbed. */
  #usual: number | undefined;
  #trial: Trial | undefined;

  constructor(options: ThreadControlOptions) {
    this.#options = options;
    this.#threads = options.threads;
  }

  /** Call after each step that computed one token for each of `answers`. Returns the thread count for the next step. */
  stepped(ms: number, answers: number): number {
    if (answers !== this.#answers) this.#forget(answers);
    if (this.#trial !== undefined) this.#try(this.#trial, ms);
    else this.#watch(ms);
    return this.#trial?.threads ?? this.#threads;
  }

  /** Times with another number of answers cannot be compared. */
  #forget(answers: number): void {
    this.#answers = answers;
    this.#times = [];
    this.#usual = undefined;
    this.#trial = undefined;
  }

  #watch(ms: number): void {
    this.#times.push(ms);
    if (this.#times.length < WINDOW_STEPS) return;
    if (this.#times.length > WINDOW_STEPS) this.#times.shift();
    const recent = median(this.#times.slice(-RECENT_STEPS));
    this.#usual ??= median(this.#times);
    const isSlow = recent > this.#usual * SLOWDOWN;
    // A longer conversation takes longer, slowly; the usual time follows.
    if (!isSlow) this.#usual += (recent - this.#usual) / FOLLOW_STEPS;
    const direction = this.#directionNow(isSlow);
    if (direction === undefined) return;
    const threads = this.#threads + (direction === 'more' ? 1 : -1);
    this.#trial = { threads, direction, before: recent, isSlow, times: [], isWarm: false };
  }

  /** Returns the direction in which a trial may help now. */
  #directionNow(isSlow: boolean): Direction | undefined {
    const now = this.#options.now();
    const free = this.#options.freeCores();
    if (isSlow && this.#threads > 1) return 'fewer';
    const hasRoom = this.#threads < this.#options.cores && (free ?? Infinity) >= this.#threads + FREE_CORE;
    if (hasRoom && this.#pauses.more.isOver(now)) return 'more';
    const isCrowded = this.#threads > 1 && (free ?? 0) < this.#threads - 1 + FREE_CORE;
    return isCrowded && this.#pauses.fewer.isOver(now) ? 'fewer' : undefined;
  }

  #try(trial: Trial, ms: number): void {
    const { threads, direction, before, isSlow, times } = trial;
    if (!trial.isWarm) {
      trial.isWarm = true;
      return;
    }
    times.push(ms);
    const isHopeless = times.length > 1 && Math.min(...times) > before * TRIAL_LIMIT;
    if (!isHopeless && times.length < TRIAL_STEPS) return;
    this.#trial = undefined;
    if (isHopeless || median(times) > before * GAIN) {
      this.#pauses[direction].lengthen(this.#options.now());
      // Fewer threads do not help, so what seemed slow is usual from here on.
      if (isSlow) this.#usual = before;
      return;
    }
    this.#threads = threads;
    this.#forget(this.#answers);
    // A change of load makes trials in both directions worthwhile again, but not at once in the direction it came from.
    this.#pauses[direction].reset();
    this.#pauses[direction === 'more' ? 'fewer' : 'more'].lengthen(this.#options.now());
  }
}

/** The time until a trial may be repeated. */
class Pause {
  #ms = TRIAL_PAUSE_MS;
  #until = 0;

  isOver(now: number): boolean {
    return now >= this.#until;
  }

  lengthen(now: number): void {
    this.#until = now + this.#ms;
    this.#ms = Math.min(this.#ms * 2, TRIAL_PAUSE_MAX_MS);
  }

  reset(): void {
    this.#ms = TRIAL_PAUSE_MS;
    this.#until = 0;
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
