import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const BENCH_TIMEOUT_MS = 180_000;

/** The files in bench/ that report figures. */
const benches = globSync('bench/*.ts', { cwd: ROOT })
  .filter((file) => readFileSync(join(ROOT, file), 'utf8').includes('benchOptions('))
  .filter((file) => file !== join('bench', 'report.ts'))
  .toSorted();

for (const file of benches) {
  const name = basename(file, '.ts');
  test(`the bench ${name} runs and reports its figures`, { skip: reasonToSkip(name) }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [file, '--smoke', '--json'], {
      cwd: ROOT,
      env: { ...process.env, SHOAL_LLAMA_CPP: llamaCpp() },
      timeout: BENCH_TIMEOUT_MS,
    });
    const { bench, figures } = JSON.parse(stdout) as { bench: string; figures: { value: number }[] };
    assert.match(bench, new RegExp(`^${name}`));
    assert.ok(figures.length > 0);
    for (const figure of figures) assert.ok(Number.isFinite(figure.value), JSON.stringify(figure));
  });
}

function reasonToSkip(name: string): string | false {
  if (name === 'engine-speed' && llamaCpp() === undefined) return 'there is no build of llama.cpp (shoal engine build)';
  return false;
}

/** The folder of the llama.cpp programs that .ci/install-llama-server builds. */
function llamaCpp(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return globSync('shoal-tools/llama.cpp-*/llama-bench', { cwd: cache }).map((file) => join(cache, file, '..'))[0];
}
