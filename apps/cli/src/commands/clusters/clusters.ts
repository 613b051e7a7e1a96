import { API_PATHS, type ClusterView } from '@shoal/node/api';
import { printableName } from '@shoal/host/printable';
import { callNode } from '../../node/api-client.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, count, print } from '../../terminal/output.ts';

interface ClusterList {
  readonly clusters: readonly ClusterView[];
}

export async function clusters(context: Context): Promise<number> {
  const list = await callNode<ClusterList>(context.home, 'GET', API_PATHS.clusters);
  const rows = list.clusters.map(({ id, role, peers }) => [printableName(id), role, count(peers, 'peer')]);
  print(context, list, rows.length > 0 ? columns(rows) : ['none; join one with "shoal connect ID"']);
  return EXIT.ok;
}

export async function connect(context: Context, cluster: string): Promise<number> {
  const view = await callNode<ClusterView>(context.home, 'POST', API_PATHS.clusters, { id: cluster });
  print(context, view, [`Joined cluster ${printableName(view.id)} (${view.role}, ${count(view.peers, 'peer')})`]);
  return EXIT.ok;
}

export async function disconnect(context: Context, cluster: string): Promise<number> {
  const path = `${API_PATHS.clusters}?id=${encodeURIComponent(cluster)}`;
  const list = await callNode<ClusterList>(context.home, 'DELETE', path);
  print(context, list, [`Left cluster ${printableName(cluster)}`]);
  return EXIT.ok;
}
