import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const SHOAL = join(ROOT, 'apps/cli/bin/shoal.js');
const DEMO_MODEL = join(ROOT, 'models/demo/shoal-demo.gguf');

/** Runs a shell command with an empty `/proc`, like on a system without it. */
const HIDE_PROC = ['--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];

const skip =
  process.platform === 'linux' && spawnSync('unshare', [...HIDE_PROC, 'true']).status === 0
    ? false
    : 'hiding /proc takes Linux and the right to mount (root)';

suite('on a system without /proc', { skip }, () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'shoal-without-proc-'));
  });
  after(() => rm(home, { recursive: true }));

  test('resources are those that Node reports, and the rest is unknown', async () => {
    const text = await shoal('resources');
    assert.match(text, /^CPU +\d+ cores?$/m);
    assert.match(text, /^RAM +\d+ GB$/m);
    assert.match(text, /^GPU VRAM +(unknown|\d+ GB)$/m);
  });

  test('a model is shown and answers', async () => {
    assert.match(await shoal('show', DEMO_MODEL), /^Fits here +yes/m);
    assert.match(await shoal('run', DEMO_MODEL, 'What is 2+2?'), /4/);
  });

  test('a lending node starts, answers and stops', async () => {
    await shoal('start', '--lend', '--model', DEMO_MODEL, '--port', '0', '--bootstrap', '127.0.0.1:1');
    try {
      assert.match(await shoal('prompt', 'What is 2+2?'), /4/);
    } finally {
      await shoal('stop');
    }
  });

  async function shoal(...args: string[]): Promise<string> {
    const running = promisify(execFile)('unshare', [...HIDE_PROC, process.execPath, SHOAL, ...args], {
      env: { ...process.env, SHOAL_HOME: home },
    });
    // A prompt may also come from standard input, which the command reads to its end.
    running.child.stdin?.end();
    const { stdout } = await running;
    return stdout;
  }
});
