import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LAUNCHER } from './launcher.ts';
import { findOldNode } from '../testing/old-node.ts';
import { Shoal, temporaryFolder } from '../testing/run-shoal.ts';

const oldNode = findOldNode();
const skip = oldNode === undefined ? 'there is no Node older than 24 on this machine' : false;

test(
  'under an old Node the launcher runs the installed newer one with the same arguments, output and exit code',
  { skip },
  async (t) => {
    const shoal = new Shoal(temporaryFolder(t));
    assert.deepEqual(await shoal.run(['status'], { node: oldNode ?? '' }), {
      code: 3,
      stdout: 'not running\n',
      stderr: '',
    });
  },
);

test('under an old Node without a newer one the launcher reports what is missing', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(LAUNCHER, join(folder, 'shoal.js'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const run = (args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(oldNode ?? '', [join(folder, 'shoal.js'), ...args], { encoding: 'utf8' });
  const result = run(['status']);
  assert.equal(result.status, 1);
  assert.match(result.stderr, /^shoal: Shoal needs Node 24 or newer; this is \d+\.\d+\.\d+/);
  const document = JSON.parse(run(['status', '--json']).stdout) as { error: { code: string } };
  assert.equal(document.error.code, 'UNSUPPORTED_VERSION');
});
