import { API_PATHS, type ClusterView, type StatusView } from '@shoal/node/api';
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

/** `shoal connect`. `lend`: answer the prompts of its members, or not. As `opengateway` a node that lends does so by default. */
export async function connect(context: Context, cluster: string, lend: boolean | undefined): Promise<number> {
  const isUsual = lend === undefined && isOpenGateway() && (await nodeLends(context));
  const body = { id: cluster, lend: isUsual ? true : lend };
  const view = await callNode<ClusterView>(context.home, 'POST', API_PATHS.clusters, body);
  const note = isUsual ? ['This node lends, so it answers the prompts of this cluster too; --no-lend only joins.'] : [];
  const joined = `Joined cluster ${printableName(view.id)} (${view.role}, ${count(view.peers, 'peer')})`;
  print(context, view, [joined, ...note]);
  return EXIT.ok;
}

/** True if the command was called by OpenGateway's name: `install.sh` sets this variable. */
function isOpenGateway(): boolean {
  return process.env['SHOAL_COMMAND'] === 'opengateway';
}

async function nodeLends({ home }: Context): Promise<boolean> {
  return (await callNode<StatusView>(home, 'GET', API_PATHS.status)).lends;
}

export async function disconnect(context: Context, cluster: string): Promise<number> {
  const path = `${API_PATHS.clusters}?id=${encodeURIComponent(cluster)}`;
  const list = await callNode<ClusterList>(context.home, 'DELETE', path);
  print(context, list, [`Left cluster ${printableName(cluster)}`]);
  return EXIT.ok;
}
