import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runSuites } from './suites.ts';

const INSTALL = 'npm install --prefix ~/.cache/shoal-tools/bare bare@1.31.2';

/** Returns Bare's path, on PATH or where `.ci/run` installs it. Bare has 90 MB, too much for a dependency. */
function findBare(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders, join(homedir(), '.cache/shoal-tools/bare/node_modules/.bin')]
    .map((folder) => join(folder, 'bare'))
    .find((path) => existsSync(path));
}

const bare = findBare();

test(
  'the contract suites pass in Bare',
  { skip: bare === undefined && `Bare is not installed. Run: ${INSTALL}` },
  async () => {
    assert.ok(bare !== undefined);
    let cases = 0;
    const counting = { test: () => (cases += 1), skip: () => {}, equal: () => {} };
    runSuites(counting);
    const { stdout } = await promisify(execFile)(bare, [join(import.meta.dirname, 'suites.bare.ts')]);
    assert.deepEqual(JSON.parse(stdout), { passed: cases, failed: [] });
  },
);
