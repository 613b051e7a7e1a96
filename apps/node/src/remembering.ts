import type { RunRecord } from '@shoal/host/launch';
import type { NodeControl } from './api.ts';
import type { NodeState } from './state.ts';

/** Wraps a node so that its joined clusters are saved and joined again at the next start. */
export function remembering(node: NodeControl, state: NodeState, record: RunRecord): NodeControl {
  return {
    status: () => node.status(),
    clusters: () => node.clusters(),
    peers: (cluster) => node.peers(cluster),
    workers: () => node.workers(),
    models: () => node.models(),
    modelsChanged: () => node.modelsChanged(),
    loaded: () => node.loaded(),
    prompt: (request) => node.prompt(request),
    async join(cluster, lend) {
      const view = await node.join(cluster, lend);
      await state.keepCluster(cluster, lend);
      return view;
    },
    async leave(cluster) {
      await node.leave(cluster);
      await state.removeCluster(cluster);
      await record.forgetCluster(cluster);
    },
  };
}
