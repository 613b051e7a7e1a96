import type { Network } from '@shoal/network';
import type { OpenDoor } from '../../door.ts';
import type { Worker } from '../../worker.ts';

export interface ClusterDoorOptions {
  /** Its `onRequest` passes requests to `worker.queue`. */
  readonly network: Network;
  readonly worker: Worker;
}

/** Opens the door of the members of this node's clusters. Closing it leaves the network. */
export function openClusterDoor({ network, worker: { queue } }: ClusterDoorOptions): OpenDoor {
  return {
    name: 'clusters',
    address: '',
    status: () => ({ ...queue.load, ...queue.outcomes, connections: network.peers().length }),
    loadChanged: () => network.statusChanged(),
    close: () => network.close(),
  };
}
