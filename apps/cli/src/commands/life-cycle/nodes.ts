import { readApiAccess } from '@shoal/host/home/api-file';
import { hasCrashed } from '@shoal/host/home/crash';
import { listHomes } from '@shoal/host/home/list';
import { runningPid } from '@shoal/host/home/running-pid';
import type { Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { columns, print } from '../../terminal/output.ts';

/** A node of this user on this machine. */
export interface MachineNode {
  /** The name for `--node`; null for the default node of its home. */
  readonly node: string | null;
  /** `crashed`: the next start continues its last run. */
  readonly state: 'running' | 'stopped' | 'crashed';
  readonly pid: number | null;
  readonly api: string | null;
  /** The folder of its identity. */
  readonly home: string;
}

/** `shoal nodes`: lists the nodes of this user on this machine, running or not. */
export async function nodes(context: Context): Promise<number> {
  const found = await machineNodes();
  const rows = found.map(({ node, state, pid, api, home }) => [
    node ?? '(default)',
    state,
    pid === null ? '-' : String(pid),
    api ?? '-',
    home,
  ]);
  const text = rows.length === 0 ? ['none yet; start one with "shoal start"'] : columns([HEADINGS, ...rows]);
  print(context, { nodes: found }, text);
  return EXIT.ok;
}

const HEADINGS = ['NODE', 'STATE', 'PID', 'API', 'HOME'];

export function machineNodes(): Promise<readonly MachineNode[]> {
  return Promise.all(listHomes(process.env).map(describe));
}

async function describe(home: Home): Promise<MachineNode> {
  const pid = await runningPid(home);
  const found = { node: home.node ?? null, home: home.data };
  if (pid === undefined) {
    const state = (await unlessBroken(hasCrashed(home))) ? 'crashed' : 'stopped';
    return { ...found, state, pid: null, api: null };
  }
  return { ...found, state: 'running', pid, api: await apiOf(home) };
}

/** Null for a node that is still starting, and for a file that this version cannot read. */
async function apiOf(home: Home): Promise<string | null> {
  const access = await unlessBroken(readApiAccess(home));
  if (access === undefined) return null;
  const { host = '127.0.0.1', port } = access;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** One broken home does not hide the others. Its own commands report the error. */
async function unlessBroken<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof ShoalError) return undefined;
    throw error;
  }
}
