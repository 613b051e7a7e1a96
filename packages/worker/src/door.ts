import type { Load } from './admission.ts';
import type { Outcomes } from './scheduler.ts';

/** How a door fares. */
export interface DoorStatus extends Load, Outcomes {
  readonly connections: number;
}

/** A dialect that listens on a transport, with the policy of its queue. */
export interface OpenDoor {
  /** The dialect, as the configuration writes it. */
  readonly name: string;
  /** Where it is found: `host:port`, a URL, a topic or a Server ID. */
  readonly address: string;
  status(): DoorStatus;
  /** Tells connected peers that the worker's load has changed, in dialects whose peers select by load. */
  loadChanged?(): void;
  /** Stops listening and ends its connections, each within `CLOSE_GRACE_MS`. What runs should have been drained before. */
  close(): Promise<void>;
}
