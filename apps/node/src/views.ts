import { type Peer, peerName } from '@shoal/network';
import type { ClusterView, PeerView } from './api.ts';
import { printableName } from '@shoal/host/printable';

export function clusterView(id: string, lends: boolean, peers: number): ClusterView {
  return { id, role: lends ? 'lending' : 'using', peers };
}

/** A peer as it is shown to people: without control sequences in its texts, and with the shared clusters only. */
export function peerView(peer: Peer, ourClusters: readonly string[]): PeerView {
  const { info } = peer;
  const { lends, status } = info;
  return {
    name: printableName(peerName(peer)),
    id: peer.key,
    dialect: info.dialect,
    clusters: ourClusters.filter((cluster) => info.clusters?.includes(cluster)),
    models: info.models.map((model) => ({ ...model, id: printableName(model.id) })),
    ...(lends === undefined ? {} : { lends }),
    ...(status === undefined ? {} : { health: status.health, active: status.active, slots: status.slots }),
    ...(status?.tokensPerSecond === undefined ? {} : { tokensPerSecond: status.tokensPerSecond }),
    connectedAt: new Date(peer.connectedAt).toISOString(),
    lastSeenAt: new Date(peer.lastSeenAt).toISOString(),
  };
}
