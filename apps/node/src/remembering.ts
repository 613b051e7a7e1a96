import type { RunRecord } from '@shoal/host/launch';
import type { NodeControl } from './api.ts';
import type { NodeState } from './state.ts';

/**
 * Wraps a node so that its joined clusters are saved and joined again at the next start. What cannot be saved, because the disk is
 * full, is not done.
 */
export function remembering(node: NodeControl, state: NodeState, record: RunRecord): NodeControl {
  return {
    status: () => node.status(),
    unavailable: () => node.unavailable(),
    clusters: () => node.clusters(),
    peers: (cluster) => node.peers(cluster),
    workers: () => node.workers(),
    models: () => node.models(),
    modelsChanged: () => node.modelsChanged(),
    loaded: () => node.loaded(),
    prompt: (request) => node.prompt(request),
    join: (cluster, lend) => state.keepCluster(cluster, lend, () => node.join(cluster, lend)),
    leave: (cluster) =>
      state.removeCluster(cluster, async () => {
        await record.forgetCluster(cluster);
        await node.leave(cluster);
      }),
  };
}
