import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LAUNCHER } from '../../apps/cli/src/node/launcher.ts';
import { findOldNode } from '../../apps/cli/src/testing/old-node.ts';
import type { Shoal } from '../../apps/cli/src/testing/run-shoal.ts';

const TYPE = join(import.meta.dirname, 'type_at_terminal.py');

export const CTRL_C = '\u0003';
export const CTRL_D = '\u0004';

/** The Nodes that start the launcher, and the reason why one cannot be tested here. */
export const NODES: readonly { readonly name: string; readonly node: string; readonly skip: string | false }[] = [
  { name: 'the Node of this test', node: process.execPath, skip: reasonToSkip(process.execPath) },
  { name: 'an older Node', node: findOldNode() ?? '', skip: reasonToSkip(findOldNode()) },
];

/** Keys that are typed once the output contains the text. */
export type Step = readonly [text: string, keys: string];

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command of `shoal` in a pseudo-terminal to its end, with these keys. */
export async function inTerminal(
  shoal: Shoal,
  node: string,
  steps: readonly Step[],
  args: readonly string[],
  launcher = LAUNCHER,
): Promise<Ended> {
  const child: ChildProcess = spawn('python3', [TYPE, JSON.stringify(steps), node, launcher, ...args], {
    env: shoal.environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => (output += piece));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

function reasonToSkip(node: string | undefined): string | false {
  if (node === undefined) return 'there is no Node older than 24 on this machine';
  return spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3';
}
