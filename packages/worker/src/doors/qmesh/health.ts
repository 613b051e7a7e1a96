import type { HealthReport } from '@shoal/protocol/qmesh';
import { type Health, healthScore, memoryUse, processorUse } from '../../health.ts';

/** Time between the first two readings of the processor times, from which processor use is computed. */
const FIRST_READING_MS = 250;

/** Processor and memory use in percent, 0 to 100. */
export interface MachineUse {
  /** Returns the use since the previous call, or undefined before a second reading. */
  processor(): number | undefined;
  memory(): number;
}

export interface QueueState {
  /** Waiting and running requests. */
  readonly size: number;
  readonly capacity: number;
}

export interface HealthGaugeOptions {
  /** Default: this machine. */
  readonly use?: MachineUse | undefined;
  /** False while no model can answer. Default: true. */
  readonly canAnswer?: (() => boolean) | undefined;
}

/** A worker's health, computed from the last sample of the machine and the current queue. */
export class HealthGauge {
  readonly #use: MachineUse;
  readonly #queue: () => QueueState;
  readonly #canAnswer: () => boolean;
  #cpu = 0;
  #memory = 0;

  /** Resolves after two readings of the processor times. */
  static async open(queue: () => QueueState, options: HealthGaugeOptions = {}): Promise<HealthGauge> {
    const gauge = new HealthGauge(queue, options);
    while (!gauge.sample()) await new Promise((resolve) => setTimeout(resolve, FIRST_READING_MS));
    return gauge;
  }

  private constructor(queue: () => QueueState, { use = machineUse(), canAnswer = () => true }: HealthGaugeOptions) {
    this.#queue = queue;
    this.#use = use;
    this.#canAnswer = canAnswer;
  }

  /** Samples the machine. Returns false if processor use is not known yet. */
  sample(): boolean {
    const cpu = this.#use.processor();
    if (cpu === undefined) return false;
    this.#cpu = cpu;
    this.#memory = this.#use.memory();
    return true;
  }

  get acceptsRequests(): boolean {
    const { size, capacity } = this.#queue();
    return size < capacity && this.#health.state !== 'overloaded' && this.#canAnswer();
  }

  /** The health as it is sent: numbers are rounded, and the state is derived from the unrounded score. */
  get report(): HealthReport {
    const { size, capacity } = this.#queue();
    const { score, state } = this.#health;
    return {
      score: Math.round(score),
      state,
      cpu: Math.round(this.#cpu),
      memory: Math.round(this.#memory),
      queueSize: size,
      queueCapacity: capacity,
      canAcceptRequests: this.acceptsRequests,
    };
  }

  get #health(): Health {
    const { size, capacity } = this.#queue();
    const load = { cpuPercent: this.#cpu, memoryPercent: this.#memory, queueSize: size, queueCapacity: capacity };
    return healthScore(load);
  }
}

function machineUse(): MachineUse {
  return { processor: processorUse(), memory: () => memoryUse() };
}
