import { helloMessage, type Peer, type SelfDescription } from '@shoal/network';
import { ndjsonFramer, type PeerInfo, type PeerStatus } from '@shoal/protocol';
import { MAX_REQUEST_BYTES, PeerSession } from '@shoal/protocol/shoal';
import { type Exchange, Link } from '@shoal/transport';
import { memoryPair } from '@shoal/transport/memory';
import type { Worker } from '@shoal/worker';

/**
 * Connects a lending node to itself, for prompts that no peer can answer: with the same session and queue as for peers, over
 * a connection in memory.
 */
export function connectToSelf(key: string, worker: Worker, describe: () => SelfDescription): Peer {
  const [asking, serving] = memoryPair();
  const session = (): PeerSession =>
    new PeerSession({
      framer: ndjsonFramer(MAX_REQUEST_BYTES),
      hello: () => helloMessage(describe(), { key, clusters: [], uptimeSeconds: 0 }),
      status: (): PeerStatus => worker.status(),
      idPrefix: 'self',
      helloOwed: false,
    });
  const nothing = (): void => {};
  const server = new Link(serving, session(), {
    peer: nothing,
    request: (exchange: Exchange) => worker.queue.answer(exchange),
    close: nothing,
  });
  const link = new Link(asking, session(), { peer: nothing, request: nothing, close: nothing });
  server.start();
  link.start();
  const now = Date.now();
  const { name } = describe();
  const info: PeerInfo = { dialect: 'shoal', name, models: worker.models, lends: true };
  return { key, link, info, connectedAt: now, lastSeenAt: now };
}
