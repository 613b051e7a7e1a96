import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'scripts/release/main.ts');

test('the packed packages work for a user with an older Node', { timeout: 360_000 }, async (t) => {
  const { stdout } = await run(process.execPath, [MAIN, '--dry-run'], { cwd: ROOT });
  t.diagnostic(stdout);
  for (const check of ['install', 'size', 'command line', 'SDK', 'engine', 'types', 'Bare', 'SBOM']) {
    assert.match(stdout, new RegExp(`^${check}: `, 'm'));
  }
  assert.match(stdout, /Dry run: nothing was published/);
});

test('without a registry login nothing is published, and the error names what is missing', async () => {
  // No registry listens on port 1, and no npm configuration of this user is read.
  const nowhere = {
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_userconfig: '/dev/null',
    npm_config_fetch_retries: '0',
  };
  const refused: unknown = await run(process.execPath, [MAIN], {
    cwd: ROOT,
    env: { ...process.env, ...nowhere },
  }).catch((error: unknown) => error);
  assert.ok(refused instanceof Error && 'stderr' in refused && 'code' in refused);
  assert.equal(refused.code, 1);
  assert.match(String(refused.stderr), /Nothing was published:\n {2}- npm is not logged in/);
});
