import { type Peer, peerName } from '@shoal/network';
import type { ClusterView, PeerView, WorkerCounts } from './api.ts';
import type { PeerInfo } from '@shoal/protocol';
import { printableName } from '@shoal/host/printable';

/** Idle peers send their status every 5 s. */
const SILENT_AFTER_MS = 12_000;

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

/** Counts the peers that lend. `now` is in milliseconds since 1970. */
export function countWorkers(peers: readonly Peer[], now: number): WorkerCounts {
  const counts = { free: 0, busy: 0, silent: 0 };
  for (const { info, link, othersLoad = 0, lastSeenAt } of peers) {
    if (info.lends !== true) continue;
    const slots = Math.max(1, info.status?.slots ?? info.capacity?.slots ?? 1);
    if (now - lastSeenAt > SILENT_AFTER_MS) counts.silent += 1;
    else if (link.openAnswers + othersLoad >= slots || hasFailed(info)) counts.busy += 1;
    else counts.free += 1;
  }
  return counts;
}

/** True if no model of a worker can answer now. */
function hasFailed({ models, status }: PeerInfo): boolean {
  const failed = status?.unavailable ?? [];
  return failed.length > 0 && models.every(({ id }) => failed.includes(id));
}
