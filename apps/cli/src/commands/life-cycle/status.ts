import { API_PATHS, type DoorView, type StatusView } from '@shoal/node/api';
import type { Home } from '@shoal/host/home';
import { printableName } from '@shoal/host/printable';
import { callNode } from '../../node/api-client.ts';
import { EXIT, exitCodeOf } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { healthLines, healthRows, requestRows } from '../../node/status-lines.ts';
import { columns, count, duration, print } from '../../terminal/output.ts';

/** `shoal status`: prints `not running`, and which other nodes run, and exits with 3 if no node runs. */
export async function status(context: Context, flags: { health?: boolean | undefined } = {}): Promise<number> {
  try {
    const view = await callNode<StatusView>(context.home, 'GET', API_PATHS.status);
    print(context, view, flags.health === true ? healthLines(view) : lines(view));
    return EXIT.ok;
  } catch (error) {
    if (context.json || exitCodeOf(error) !== EXIT.notRunning) throw error;
    print(context, undefined, ['not running', ...(await otherNodes(context.home))]);
    return EXIT.notRunning;
  }
}

/** Names the other nodes of this user that run, so that nobody takes them for this one. */
async function otherNodes({ data }: Home): Promise<readonly string[]> {
  const { machineNodes } = await import('./nodes.ts');
  const others = (await machineNodes()).filter(({ state, home }) => state === 'running' && home !== data);
  if (others.length === 0) return [];
  const names = others.map(({ node, home }) => (node === null ? `the default node of ${home}` : `${node} in ${home}`));
  return [`Other nodes run: ${names.join(', ')}. See: shoal nodes`];
}

function lines(view: StatusView): string[] {
  const { load } = view;
  const clusters = view.clusters.map(({ id, role, peers }) => `${id} (${role}, ${count(peers, 'peer')})`);
  const models = view.models.map(({ id, quantization }) => (quantization ? `${id} (${quantization})` : id));
  return columns([
    ['running', `${printableName(view.name)}, pid ${view.pid}, for ${duration(view.uptimeSeconds)}`],
    ['id', view.id],
    ['api', view.addresses.api],
    ['dht', view.addresses.dht],
    ['state', `${view.state}, health ${Math.round(view.health)} of 100`],
    ...healthRows(view),
    ...view.problems.map((problem) => ['problem', problem]),
    ['role', view.lends ? 'lending' : 'using'],
    ['load', `${load.active} of ${load.slots} running, ${load.queued} of ${load.queueCapacity} waiting`],
    ...requestRows(view),
    ['models', models.join(', ') || 'none'],
    ...view.doors.map((door) => ['door', doorLine(door)]),
    ['clusters', clusters.map(printableName).join(', ') || 'none; join one with "shoal connect ID"'],
  ]);
}

/** `donate on 127.0.0.1:17001: 1 connected, 1 running, 12 answered`, without counters that are 0. */
function doorLine({ name, address, connections, active, queued, ...outcomes }: DoorView): string {
  const counters = { connected: connections, running: active, waiting: queued, ...outcomes };
  const some = Object.entries(counters).filter(([, number]) => number > 0);
  return `${doorName(name, address)}: ${some.map(([what, number]) => `${number} ${what}`).join(', ') || 'no connections yet'}`;
}

function doorName(name: string, address: string): string {
  if (address === '') return name;
  return name === 'localllm' ? `${name}, Server ID ${address}` : `${name} on ${address}`;
}
