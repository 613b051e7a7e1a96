import { openPeerListener, type PeerListenerOptions } from '@shoal/network/door';
import type { OpenDoor } from '../../door.ts';
import type { Worker } from '../../worker.ts';

export interface ShoalDoorOptions extends Omit<PeerListenerOptions, 'answer' | 'status'> {
  readonly worker: Worker;
}

/**
 * Opens a WebSocket or TCP door for programs and web pages that speak `shoal/1`, with a queue of its own within the
 * lender's limits. Throws what `openPeerListener` throws.
 */
export async function openShoalDoor({ worker, ...options }: ShoalDoorOptions): Promise<OpenDoor> {
  const queue = worker.openQueue({ door: options.transport });
  const listener = await openPeerListener({
    ...options,
    status: () => worker.status(),
    answer: (exchange) => queue.answer(exchange),
  });
  return {
    name: listener.name,
    address: listener.address,
    status: () => ({ ...queue.load, ...queue.outcomes, connections: listener.status().connections }),
    loadChanged: () => listener.announceStatus(),
    close: () => listener.close(),
  };
}
