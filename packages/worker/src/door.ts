import type { QueueLoad } from './admission.ts';
import type { Outcomes } from './scheduler.ts';

/** The load and the counters of a door. */
export interface DoorStatus extends QueueLoad, Outcomes {
  readonly connections: number;
}

/** A dialect that listens on a transport and has a queue with its own policy. */
export interface OpenDoor {
  /** The name of the door in the configuration. */
  readonly name: string;
  /** `host:port`, a URL, a topic or a Server ID. Empty for the clusters. */
  readonly address: string;
  status(): DoorStatus;
  /** Call when the worker's load has changed. Sends it to connected peers if they select workers by load. */
  loadChanged?(): void;
  /** Stops listening and closes the connections, each within `CLOSE_GRACE_MS`. Drain the scheduler first. */
  close(): Promise<void>;
}
