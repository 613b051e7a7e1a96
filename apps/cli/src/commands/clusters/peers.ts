import { API_PATHS, type PeerView } from '@shoal/node/api';
import { printableName } from '@shoal/host/printable';
import { callNode } from '../../node/api-client.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, duration, print } from '../../terminal/output.ts';

const SHOWN_ID_CHARACTERS = 12;

export async function peers(context: Context, cluster: string | undefined): Promise<number> {
  const query = cluster === undefined ? '' : `?cluster=${encodeURIComponent(cluster)}`;
  const list = await callNode<{ peers: readonly PeerView[] }>(context.home, 'GET', `${API_PATHS.peers}${query}`);
  const rows = list.peers.map(row);
  print(context, list, rows.length > 0 ? columns([HEADINGS, ...rows]) : ['none yet']);
  return EXIT.ok;
}

const HEADINGS = ['NAME', 'ID', 'ROLE', 'MODELS', 'HEALTH', 'SINCE', 'CLUSTERS'];

function row(peer: PeerView): string[] {
  const role = peer.lends === undefined ? '?' : peer.lends ? 'lending' : 'using';
  return [
    printableName(peer.name) || '(unnamed)',
    // The id of a dialled peer is its address, which is shown in full.
    peer.id.includes('://') ? peer.id : peer.id.slice(0, SHOWN_ID_CHARACTERS),
    role,
    peer.models.map(({ id }) => printableName(id)).join(', ') || '-',
    peer.health === undefined ? '?' : String(Math.round(peer.health)),
    duration(Math.max(0, (Date.now() - Date.parse(peer.connectedAt)) / 1_000)),
    peer.clusters.map(printableName).join(', '),
  ];
}
