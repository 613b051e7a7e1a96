/**
 * Measures an idle daemon: one cluster, no model, not lending. Reports resident memory one minute after it is ready, and
 * processor time during that minute, for the first start in a home (without compile cache) and for a later start. Daemons of
 * both kinds idle at the same time, each in its own cluster.
 *
 *   node bench/idle.ts [--rounds 5] [--json]
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestNode } from '../test/harness/node.ts';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, type Figure, median, report } from './report.ts';

/** Linux's unit of processor time in /proc, on every platform that Node supports. */
const TICKS_PER_SECOND = 100;

interface Cost {
  readonly residentMb: number;
  readonly corePercent: number;
}

const options = benchOptions(5);
const IDLE_MS = options.size(60_000, 1_000);
const network = await TestNetwork.open();
try {
  const names = Array.from({ length: options.rounds }, (_, index) => String(index));
  for (const name of names) await leaveTraces(`later-${name}`);
  const first: Promise<Cost>[] = [];
  const later: Promise<Cost>[] = [];
  for (const name of names) {
    first.push(idle(await start(`first-${name}`)));
    later.push(idle(await start(`later-${name}`)));
  }
  const figures = [...rows('first start', await Promise.all(first)), ...rows('later start', await Promise.all(later))];
  report('idle', figures, options);
} finally {
  await network.close();
}

function start(name: string): Promise<TestNode> {
  return network.start(name, '--cluster', name);
}

/** The second start in a home fills the compile cache, and the third start uses it. */
async function leaveTraces(name: string): Promise<void> {
  for (let run = 0; run < 2; run++) await (await start(name)).stop();
}

async function idle(node: TestNode): Promise<Cost> {
  const { pid } = await node.status();
  const before = await processorSeconds(pid);
  const startedAt = performance.now();
  await wait(IDLE_MS);
  const seconds = (performance.now() - startedAt) / 1_000;
  return {
    residentMb: (await node.residentBytes()) / 1e6,
    corePercent: (((await processorSeconds(pid)) - before) / seconds) * 100,
  };
}

/** User and system time. The fields of /proc/PID/stat after the name, which may contain any character, start at 3. */
async function processorSeconds(pid: number): Promise<number> {
  const account = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = account.slice(account.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS_PER_SECOND;
}

function rows(which: string, costs: readonly Cost[]): Figure[] {
  const resident = costs.map(({ residentMb }) => residentMb);
  const processor = costs.map(({ corePercent }) => corePercent);
  return [
    median(`${which}, resident`, 'MB', resident, { atMost: 120 }),
    median(`${which}, processor`, '% of a core', processor, { atMost: 1 }),
  ];
}
