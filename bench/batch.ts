/**
 * Measures `shoal batch` with 1,000 short prompts over four workers of 50 requests per second each; the lower bound is 5 s.
 * The whole command is timed: it starts Node, finds the workers, sends the requests, and writes the answers in order. The
 * duration that the command itself reports, from the start of discovery, is printed too.
 *
 *   node bench/batch.ts [--rounds 5] [--json]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, median, report } from './report.ts';

const CLUSTER = 'batch';
const WORKERS = 4;
const REQUESTS_PER_SECOND = 50;
const LAUNCHER = join(import.meta.dirname, '../apps/cli/bin/shoal.js');
const WORKER = join(import.meta.dirname, 'batch-node.ts');

const options = benchOptions(5);
const LINES = options.size(1_000, 20);
const IDEAL_SECONDS = LINES / (WORKERS * REQUESTS_PER_SECOND);
const network = await TestNetwork.open();
const folder = await mkdtemp(join(tmpdir(), 'shoal-bench-batch-'));
try {
  const input = join(folder, 'questions.jsonl');
  await writeFile(input, Array.from({ length: LINES }, (_, index) => question(index)).join(''));
  await Promise.all(Array.from({ length: WORKERS }, (_, index) => startWorker(`Worker${index}`)));
  // The first run fills the compile cache.
  await run(input);
  const runs: { readonly batch: number; readonly command: number }[] = [];
  for (let round = 0; round < options.rounds; round++) runs.push(await run(input));
  const batch = runs.map((one) => one.batch);
  const command = runs.map((one) => one.command);
  const overIdeal = command.map((seconds) => seconds / IDEAL_SECONDS);
  report(
    'batch',
    [
      median('shoal batch, as it reports', 's', batch),
      median('shoal batch, from start to exit', 's', command),
      median(`from start to exit ÷ ideal ${IDEAL_SECONDS} s`, '', overIdeal, { atMost: 1.1 }),
    ],
    options,
  );
} finally {
  await network.close();
  await rm(folder, { recursive: true, force: true });
}

async function startWorker(name: string): Promise<void> {
  const command = [WORKER, name, network.bootstrap, CLUSTER];
  const program = network.run({ name, command, environment: { SHOAL_HOME: network.home(name) }, channel: true });
  await program.until(() => program.stderr.includes('"API on ') || undefined, 'the node to run');
}

async function run(input: string): Promise<{ readonly batch: number; readonly command: number }> {
  const args = ['batch', input, '--cluster', CLUSTER, '--bootstrap', network.bootstrap, '--restart', '--json'];
  const environment = { ...process.env, SHOAL_HOME: folder };
  const startedAt = performance.now();
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let summary = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (summary += text));
  const [code] = await once(child, 'close');
  const command = (performance.now() - startedAt) / 1_000;
  const { answered, seconds: batch } = JSON.parse(summary);
  const written = (await readFile(input.replace('.jsonl', '.output.jsonl'), 'utf8')).split('\n').length - 1;
  if (code !== 0 || answered !== LINES || written !== LINES)
    throw new Error(`shoal batch ended with ${code}: ${summary}`);
  return { batch, command };
}

function question(index: number): string {
  const body = { messages: [{ role: 'user', content: `short question-${index}` }], max_tokens: 8 };
  return `${JSON.stringify({ custom_id: `q${index}`, method: 'POST', url: '/v1/chat/completions', body })}\n`;
}
