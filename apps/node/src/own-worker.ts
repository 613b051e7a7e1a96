import { type Exchange, LocalLink } from '@shoal/transport';
import type { Peer } from '@shoal/network';
import type { ModelInfo, PeerInfo } from '@shoal/protocol';

/** A worker of this node, as one of its peers. */
export interface OwnWorker extends Peer {
  readonly link: LocalLink;
}

/** The parts of a worker that answer this node's own requests. */
export interface OwnWorkerOptions {
  /** This node's public key in hex, and what sets this worker apart from its other ones. */
  readonly key: string;
  readonly name: string;
  readonly models: () => readonly ModelInfo[];
  readonly slots: number;
  readonly answer: (exchange: Exchange) => void;
}

/** Connects a node to its own worker, for prompts that no peer can answer: with the same queue, but without messages. */
export function connectToSelf({ key, name, models, slots, answer }: OwnWorkerOptions): OwnWorker {
  const now = Date.now();
  const info: PeerInfo = {
    dialect: 'shoal',
    name,
    lends: true,
    capacity: { slots, queue: 0 },
    get models() {
      return models();
    },
  };
  return { key, link: new LocalLink(key, answer), info, connectedAt: now, lastSeenAt: now };
}
