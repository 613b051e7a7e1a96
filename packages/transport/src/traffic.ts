import type { Remote } from './connection.ts';

/** Bytes of all connections of one transport. */
export interface Traffic {
  readonly received: number;
  /** Bytes that were passed to the transport. */
  readonly sent: number;
}

/** A `Traffic` that its links count in. */
export interface TrafficCounter extends Traffic {
  received: number;
  sent: number;
}

const COUNTERS: Readonly<Record<Remote['transport'], TrafficCounter>> = {
  memory: { received: 0, sent: 0 },
  tcp: { received: 0, sent: 0 },
  hyperswarm: { received: 0, sent: 0 },
  websocket: { received: 0, sent: 0 },
};

/** Returns the counter of a transport. A link keeps it, so that counting is one addition. */
export function counterOf(transport: Remote['transport']): TrafficCounter {
  return COUNTERS[transport];
}

/** The bytes that all links of this process have received and sent since its start, by transport. They only increase. */
export function traffic(): Readonly<Record<Remote['transport'], Traffic>> {
  return COUNTERS;
}
