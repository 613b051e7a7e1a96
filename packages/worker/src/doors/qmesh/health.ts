import type { HealthReport } from '@shoal/protocol/qmesh';
import { type Health, healthScore, memoryUse, processorUse } from '../../health.ts';

/** Between the first two readings of the processors' clocks, without which nobody knows how busy they are. */
const FIRST_READING_MS = 250;

/** How busy the machine is: percentages, 0 to 100. */
export interface MachineUse {
  /** Since the call before; undefined while there is no second reading. */
  processor(): number | undefined;
  memory(): number;
}

export interface QueueState {
  /** Requests that wait, and those that run. */
  readonly size: number;
  readonly capacity: number;
}

/** A worker's health: the machine as it was sampled last, and the queue as it is now. */
export class HealthGauge {
  readonly #use: MachineUse;
  readonly #queue: () => QueueState;
  #cpu = 0;
  #memory = 0;

  /** Resolves once the processors have been read twice. */
  static async open(queue: () => QueueState, use: MachineUse = machineUse()): Promise<HealthGauge> {
    const gauge = new HealthGauge(queue, use);
    while (!gauge.sample()) await new Promise((resolve) => setTimeout(resolve, FIRST_READING_MS));
    return gauge;
  }

  private constructor(queue: () => QueueState, use: MachineUse) {
    this.#queue = queue;
    this.#use = use;
  }

  /** Reads the machine anew; false where the processors could not be read a second time yet. */
  sample(): boolean {
    const cpu = this.#use.processor();
    if (cpu === undefined) return false;
    this.#cpu = cpu;
    this.#memory = this.#use.memory();
    return true;
  }

  get acceptsRequests(): boolean {
    const { size, capacity } = this.#queue();
    return size < capacity && this.#health.state !== 'overloaded';
  }

  /** As it stands on the wire: numbers rounded, the state that of the unrounded score. */
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
