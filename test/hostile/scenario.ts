import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ApiAccess } from '@shoal/host/home/api-file';
import type { TestNode } from '../harness/node.ts';
import type { Program } from '../harness/program.ts';
import { TestNetwork } from '../harness/test-network.ts';
import type { Target } from './attacks/sockets.ts';

const FOLDER = dirname(fileURLToPath(import.meta.url));
const MIB = 1_048_576;

export interface AttackOptions {
  /** The file in `attacks/`, without its ending. */
  readonly attack: string;
  /** The mode of the Donate door. Default: `local_lm`. */
  readonly donateMode?: 'local_lm' | 'model_push' | undefined;
  /** The time of the measurement without the attack, and of that during it. */
  readonly measureMs: number;
  /** Called during the attack, to look at more than the honest client does. */
  readonly during?: ((node: TestNode, target: Target) => Promise<void>) | undefined;
}

/** The effects of an attack on a node and on its honest client. */
export interface Damage {
  /** Milliseconds of the honest client's answers: the 99th percentile. */
  readonly p99Before: number;
  readonly p99During: number;
  /** Answers that the honest client missed or that were wrong. */
  readonly failures: number;
  /** Answers that it had during the attack. */
  readonly answers: number;
  readonly loopStopMs: number;
  /** The largest resident memory during the attack above that before it. */
  readonly grownMiB: number;
}

/** Runs one attack against a node with all of its listeners open, and an honest client beside it. */
export async function attack(options: AttackOptions): Promise<Damage> {
  const network = await TestNetwork.open();
  try {
    const node = await startNode(network, options.donateMode ?? 'local_lm');
    const target = await targetOf(node, network);
    const honest = run(network, 'honest.ts', target);
    const measure = async (ms: number): Promise<{ latencies: number[]; failures: number }> => {
      await wait(ms);
      return report(honest);
    };
    // The first answers compile the code.
    await measure(options.measureMs / 2);
    const before = await measure(options.measureMs);
    await loopStop(node);
    const residentBefore = await node.residentBytes();
    let residentMost = residentBefore;
    const watch = new AbortController();
    const watching = watchMemory(node, watch.signal, (bytes) => (residentMost = Math.max(residentMost, bytes)));
    const attacker = run(network, join('attacks', `${options.attack}.ts`), target);
    await attacker.until(() => attacker.stdout.includes('attacking') || undefined, 'the attack');
    await options.during?.(node, target);
    const during = await measure(options.measureMs);
    watch.abort();
    await watching;
    const loopStopMs = await loopStop(node);
    await attacker.kill();
    await honest.kill();
    return {
      p99Before: p99(before.latencies),
      p99During: p99(during.latencies),
      failures: during.failures,
      answers: during.latencies.length,
      loopStopMs,
      grownMiB: (residentMost - residentBefore) / MIB,
    };
  } finally {
    await network.close();
  }
}

async function startNode(network: TestNetwork, donateMode: string): Promise<TestNode> {
  const home = network.home('Target');
  await mkdir(home, { recursive: true });
  const anyPort = { port: 0 };
  const donate = { ...anyPort, mode: donateMode };
  const doors = { donate, qmesh: {}, localllm: {}, websocket: anyPort, tcp: anyPort };
  await writeFile(join(home, 'config.json'), JSON.stringify({ doors }), { mode: 0o600 });
  const probe = join(FOLDER, 'loop-probe.ts');
  return network.startWatched('Target', probe, '--lend', '--model', 'echo');
}

async function targetOf(node: TestNode, network: TestNetwork): Promise<Target> {
  const { doors } = await node.status();
  const { port }: ApiAccess = JSON.parse(await readFile(join(node.home, 'api.json'), 'utf8'));
  const portOf = (name: string): number => {
    const address = doors.find((door) => door.name === name)?.address;
    return Number(/:(\d+)(\/|$)/.exec(address ?? '')?.[1]);
  };
  return {
    donate: portOf('donate'),
    tcp: portOf('tcp'),
    websocket: portOf('websocket'),
    api: port,
    bootstrap: network.bootstrap,
  };
}

function run(network: TestNetwork, file: string, target: Target): Program {
  return network.run({ name: file, command: [join(FOLDER, file), JSON.stringify(target)] });
}

async function report(honest: Program): Promise<{ latencies: number[]; failures: number }> {
  const lines = (): string[] => honest.stdout.split('\n').slice(0, -1);
  const known = lines().length;
  honest.write('\n');
  return JSON.parse(await honest.until(() => lines()[known], 'the report of the honest client'));
}

async function loopStop(node: TestNode): Promise<number> {
  const stops = (): number[] =>
    node.stderrLines
      .filter((line) => line.startsWith('{"loopStopMs"'))
      .map((line) => (JSON.parse(line) as { loopStopMs: number }).loopStopMs);
  const known = stops().length;
  node.signal('SIGUSR2');
  for (;;) {
    const stop = stops()[known];
    if (stop !== undefined) return stop;
    await wait(10);
  }
}

async function watchMemory(node: TestNode, signal: AbortSignal, saw: (bytes: number) => void): Promise<void> {
  while (!signal.aborted) {
    saw(await node.residentBytes());
    await wait(50);
  }
}

function p99(latencies: readonly number[]): number {
  const sorted = latencies.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN;
}
