import type { Network, Peer } from '@shoal/network';

/** Resolves with the first peer that sends its status. */
export async function firstPeer(network: Network): Promise<Peer> {
  const ready = Promise.withResolvers<Peer>();
  const look = (): void => {
    const peer = network.peers().find(({ info }) => info.status !== undefined);
    if (peer !== undefined) ready.resolve(peer);
  };
  const stopListening = network.onChange(look);
  look();
  const peer = await ready.promise;
  stopListening();
  return peer;
}
