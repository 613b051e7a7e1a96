import { API_PATHS, type PeerView } from '@shoal/node/api';
import { NAME_CHARACTERS, printableName } from '@shoal/host/printable';
import { callNode } from '../../node/api-client.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, duration, print } from '../../terminal/output.ts';

const SHOWN_ID_CHARACTERS = 12;
/** A peer chooses its names. Longer ones are cut, because every row is as wide as the widest. */
const SHOWN_NAME_CHARACTERS = NAME_CHARACTERS;
/** Models of a peer that are listed. Of the others it says how many they are. */
const SHOWN_MODELS_MAX = 8;

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
    shownName(peer.name) || '(unnamed)',
    // The id of a dialled peer is its address, which is shown in full.
    peer.id.includes('://') ? peer.id : peer.id.slice(0, SHOWN_ID_CHARACTERS),
    role,
    shownModels(peer),
    peer.health === undefined ? '?' : String(Math.round(peer.health)),
    duration(Math.max(0, (Date.now() - Date.parse(peer.connectedAt)) / 1_000)),
    peer.clusters.map(printableName).join(', '),
  ];
}

function shownModels({ models }: PeerView): string {
  const names = models.slice(0, SHOWN_MODELS_MAX).map(({ id }) => shownName(id));
  const others = models.length > names.length ? [`and ${models.length - names.length} more`] : [];
  return [...names, ...others].join(', ') || '-';
}

function shownName(name: string): string {
  const text = printableName(name);
  return text.length <= SHOWN_NAME_CHARACTERS ? text : `${text.slice(0, SHOWN_NAME_CHARACTERS - 1)}…`;
}
