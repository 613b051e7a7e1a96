/**
 * Measures the run time of `shoal status` while a node runs, compared with a Node process that does nothing.
 *
 *   node bench/status.ts [--rounds 40] [--json]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, interleave, median, quotient, report } from './report.ts';

const LAUNCHER = join(import.meta.dirname, '../apps/cli/bin/shoal.js');

const options = benchOptions(40);
const WARM_UPS = options.size(3, 0);
const network = await TestNetwork.open();
try {
  const node = await network.start('Node', '--cluster', 'status');
  const { nothing, status } = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    { nothing: () => run(node.home, '-e', '0'), status: () => run(node.home, LAUNCHER, 'status') },
  );
  await node.stop();
  const figures = [
    median('node -e 0', 'ms', nothing),
    median('shoal status', 'ms', status),
    quotient('shoal status ÷ node -e 0', status, nothing, { atMost: 4 }),
  ];
  report('status', figures, options);
} finally {
  await network.close();
}

async function run(home: string, ...args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, { env: { ...process.env, SHOAL_HOME: home }, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}.`);
  return performance.now() - startedAt;
}
