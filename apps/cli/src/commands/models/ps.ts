import { API_PATHS, type ResidentModelView, type StatusView } from '@shoal/node/api';
import { printableName } from '@shoal/host/printable';
import { callNode } from '../../node/api-client.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

const HEADINGS = ['NAME', 'DIGEST', 'SIZE', 'PROCESSOR', 'CONTEXT', 'ACTIVE', 'UNTIL'];
const SHOWN_DIGEST_CHARACTERS = 12;
const UNITS = [
  { name: 'hour', ms: 3_600_000 },
  { name: 'minute', ms: 60_000 },
  { name: 'second', ms: 1_000 },
] as const;

/** `shoal ps`: the models that the running node has in memory. */
export async function ps(context: Context): Promise<number> {
  const list = await callNode<{ models: readonly ResidentModelView[] }>(context.home, 'GET', API_PATHS.loaded);
  const rows = list.models.map(row);
  print(context, list, rows.length > 0 ? columns([HEADINGS, ...rows]) : [await emptyLine(context)]);
  return EXIT.ok;
}

async function emptyLine({ home }: Context): Promise<string> {
  const { lends } = await callNode<StatusView>(home, 'GET', API_PATHS.status);
  return lends ? 'nothing: a model is loaded with its first request' : 'nothing: this node does not lend';
}

function row(model: ResidentModelView): string[] {
  const { id, digest, memoryBytes, device, contextLength, active } = model;
  return [
    printableName(id),
    digest?.replace(/^sha256:/, '').slice(0, SHOWN_DIGEST_CHARACTERS) ?? '?',
    memoryBytes === undefined ? '?' : size(memoryBytes),
    device === undefined ? '?' : printableName(device),
    contextLength === undefined ? '?' : String(contextLength),
    String(active),
    until(model),
  ];
}

/** The time until the model leaves memory without a further request: `4 minutes from now`, `forever` or `stopping`. */
export function until({ leavesInMs }: Pick<ResidentModelView, 'leavesInMs'>): string {
  if (leavesInMs === undefined) return 'forever';
  if (leavesInMs <= 0) return 'stopping';
  const unit = UNITS.find(({ ms }) => leavesInMs >= ms) ?? { name: 'second', ms: 1_000 };
  const number = Math.max(1, Math.round(leavesInMs / unit.ms));
  return `${number} ${unit.name}${number === 1 ? '' : 's'} from now`;
}
