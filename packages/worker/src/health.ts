import { cpus, freemem, totalmem } from 'node:os';

/** Scores above this are healthy. */
const BUSY_SCORE = 60;
/** Scores below this are overloaded. */
const OVERLOADED_SCORE = 20;

export type HealthState = 'healthy' | 'busy' | 'overloaded';

/** The values from which a health score is computed. */
export interface HealthInputs {
  /** 0 to 100. */
  readonly cpuPercent: number;
  /** 0 to 100. */
  readonly memoryPercent: number;
  /** Waiting and running requests. */
  readonly queueSize: number;
  readonly queueCapacity: number;
}

export interface Health {
  /** 0 to 100, unrounded. The state is derived from this value. */
  readonly score: number;
  readonly state: HealthState;
}

/** Computes the health with QMesh's formula: `(100 − cpu) × 0.4 + (100 − memory) × 0.4 + queueAvailability × 0.2`. */
export function healthScore(load: HealthInputs): Health {
  const idle = 100 - percent(load.cpuPercent);
  const free = 100 - percent(load.memoryPercent);
  // In fifths, because 0.4 and 0.2 are inexact and a score on a threshold must be exact.
  const score = (2 * idle + 2 * free + queueAvailability(load.queueSize, load.queueCapacity)) / 5;
  return { score, state: stateOf(score) };
}

/** One part of a health score. */
export interface HealthPart {
  readonly name: 'processor' | 'memory' | 'queue';
  /** 0 to 100. */
  readonly usedPercent: number;
  /** The part of the score that it adds, unrounded. */
  readonly points: number;
  /** The points of an unused machine. */
  readonly mostPoints: number;
}

/** Returns the parts of the score of `healthScore`, which is their sum. */
export function healthParts({ cpuPercent, memoryPercent, queueSize, queueCapacity }: HealthInputs): HealthPart[] {
  const part = (name: HealthPart['name'], used: number, mostPoints: number): HealthPart => {
    const usedPercent = percent(used);
    return { name, usedPercent, points: ((100 - usedPercent) * mostPoints) / 100, mostPoints };
  };
  return [
    part('processor', cpuPercent, 40),
    part('memory', memoryPercent, 40),
    part('queue', 100 - queueAvailability(queueSize, queueCapacity), 20),
  ];
}

/** Returns the free share of the queue, 0 to 100. A queue with capacity 0 has no free share. */
export function queueAvailability(size: number, capacity: number): number {
  return capacity > 0 ? percent(100 * (1 - size / capacity)) : 0;
}

function stateOf(score: number): HealthState {
  if (score > BUSY_SCORE) return 'healthy';
  return score < OVERLOADED_SCORE ? 'overloaded' : 'busy';
}

/** The time of all cores together since boot, in any unit. */
export interface ProcessorTimes {
  readonly idle: number;
  readonly total: number;
}

/**
 * Returns a function that measures processor use: each call returns the percentage (0 to 100) since the previous reading. The
 * first reading is taken here. The function returns undefined until the processor times have advanced once, and its previous
 * value if they have not advanced since.
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

/** Returns memory use, 0 to 100. On Linux `freemem` is MemAvailable, so caches count as free. */
export function memoryUse(availableBytes: number = freemem(), totalBytes: number = totalmem()): number {
  return percent(100 * (1 - availableBytes / totalBytes));
}

function percent(value: number): number {
  return Math.min(100, Math.max(0, value));
}
