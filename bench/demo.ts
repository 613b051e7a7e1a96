/**
 * Measures `npm run demo` until its answer is complete, with a clean HOME in each round.
 *
 *   node bench/demo.ts [--rounds 3] [--json]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchOptions, median, report } from './report.ts';

const ROOT = join(import.meta.dirname, '..');
/** The start of the table that follows the answer. */
const AFTER_THE_ANSWER = 'who answered';

const options = benchOptions(3);
const answered: number[] = [];
const ended: number[] = [];
for (let round = 0; round < options.rounds; round++) await runDemo();
const figures = [
  median('npm run demo, answer complete', 's', answered, { atMost: 10 }),
  median('npm run demo, ended', 's', ended),
];
report('demo', figures, options);

async function runDemo(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
  try {
    const startedAt = performance.now();
    const seconds = (): number => (performance.now() - startedAt) / 1_000;
    const child = spawn('npm', ['run', 'demo'], {
      cwd: ROOT,
      env: environment(home),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let answeredAfter: number | undefined;
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes(AFTER_THE_ANSWER)) answeredAfter ??= seconds();
    });
    const [code] = await once(child, 'close');
    if (code !== 0 || answeredAfter === undefined) throw new Error(`The demo ended with ${code}:\n${said}`);
    answered.push(answeredAfter);
    ended.push(seconds());
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** The environment of a user who has never run Shoal. */
function environment(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(SHOAL_|POC_|OPENGATEWAY_|XDG_|NODE_)/.test(name));
  return { ...Object.fromEntries(own), HOME: home };
}
