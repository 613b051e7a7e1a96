import { cpus, freemem, totalmem } from 'node:os';

/** Scores above this are healthy. */
const BUSY_SCORE = 60;
/** Scores below this are overloaded. */
const OVERLOADED_SCORE = 20;

export type HealthState = 'healthy' | 'busy' | 'overloaded';

export interface Load {
  /** 0 to 100. */
  readonly cpuPercent: number;
  /** 0 to 100. */
  readonly memoryPercent: number;
  /** Jobs waiting, and those running counted in. */
  readonly queueSize: number;
  readonly queueCapacity: number;
}

export interface Health {
  /** 0 to 100, unrounded: the state comes from this value. */
  readonly score: number;
  readonly state: HealthState;
}

/** QMesh's formula: `(100 − cpu) × 0.4 + (100 − memory) × 0.4 + queueAvailability × 0.2`. */
export function healthScore(load: Load): Health {
  const idle = 100 - percent(load.cpuPercent);
  const free = 100 - percent(load.memoryPercent);
  // In fifths, because 0.4 and 0.2 are inexact and a score on a threshold must be exactly there.
  const score = (2 * idle + 2 * free + queueAvailability(load.queueSize, load.queueCapacity)) / 5;
  return { score, state: stateOf(score) };
}

/** The share of the queue that is free, 0 to 100; a queue without room for anything has none. */
export function queueAvailability(size: number, capacity: number): number {
  return capacity > 0 ? percent(100 * (1 - size / capacity)) : 0;
}

function stateOf(score: number): HealthState {
  if (score > BUSY_SCORE) return 'healthy';
  return score < OVERLOADED_SCORE ? 'overloaded' : 'busy';
}

/** Time that the cores have spent since boot, summed over them, in any one unit. */
export interface ProcessorTimes {
  readonly idle: number;
  readonly total: number;
}

/**
 * Samples how busy the processors are. Each call answers with the percentage (0 to 100) between the reading before it and
 * now; the first reading is taken here. Undefined until the clock of the processor times has moved on once, and the last
 * value for calls closer together than that.
 */
export function processorUse(read: () => ProcessorTimes = processorTimes): () => number | undefined {
  let before = read();
  let use: number | undefined;
  return () => {
    const now = read();
    const elapsed = now.total - before.total;
    if (elapsed > 0) {
      use = percent(100 * (1 - (now.idle - before.idle) / elapsed));
      before = now;
    }
    return use;
  };
}

function processorTimes(): ProcessorTimes {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}

/** Memory that is really in use, 0 to 100: on Linux `freemem` is MemAvailable, so caches count as free. */
export function memoryUse(availableBytes: number = freemem(), totalBytes: number = totalmem()): number {
  return percent(100 * (1 - availableBytes / totalBytes));
}

function percent(value: number): number {
  return Math.min(100, Math.max(0, value));
}
