import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { Child, type ReadinessOptions } from './child.ts';
import { startLeashedProgram } from './leashed-program.ts';

const WINDOWS = process.platform === 'win32' ? 'there is no POSIX shell' : false;
const unaborted = new AbortController().signal;

/** Runs JavaScript in a process whose leash is its standard input. */
function run(script: string, exitGraceMs = 60_000): { child: Child; pid: number | undefined } {
  const node = spawn(process.execPath, ['--eval', script], { stdio: ['pipe', 'pipe', 'pipe'] });
  const options = { release: () => node.stdin.end(), kill: () => node.kill('SIGKILL'), exitGraceMs };
  return { child: new Child(node, options), pid: node.pid };
}

const never: ReadinessOptions<never> = {
  connect: () => new Promise(() => {}),
  timeoutMs: 60_000,
  failed: (how) => ShoalError.generationFailed(how),
};

suite('a child process', () => {
  test('that a signal ends while it is waited for ends the wait at once, with the name of the signal', async () => {
    const { child, pid } = run('setInterval(() => {}, 1_000)');
    const waiting = child.connected(never, unaborted);
    process.kill(pid ?? assert.fail(), 'SIGTERM');
    await assert.rejects(waiting, { message: 'SIGTERM' });
    assert.ok(child.hasEnded);
  });

  test('that exits while it is waited for ends the wait with its exit code; its output is kept', async () => {
    const { child } = run("console.error('no memory'); process.exit(3)");
    await assert.rejects(child.connected(never, unaborted), { message: 'exit code 3' });
    assert.equal(child.lastOutput, 'no memory');
  });

  test('that is not ready in time is killed', async () => {
    const { child } = run('setInterval(() => {}, 1_000)');
    await assert.rejects(child.connected({ ...never, timeoutMs: 1 }, unaborted), {
      message: /not ready after 0.001 s/,
    });
    assert.ok(child.hasEnded);
  });

  test('has ended when the wait for it is aborted', async () => {
    const { child } = run("process.stdin.resume().on('end', () => process.exit())");
    const abort = new AbortController();
    const waiting = child.connected(never, abort.signal);
    abort.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.equal(await child.ended, 'exit code 0');
  });

  test('has ended when the wait for it begins too late', async () => {
    const { child } = run("process.stdin.resume().on('end', () => process.exit())");
    await assert.rejects(child.connected(never, AbortSignal.abort()), { name: 'AbortError' });
    assert.ok(child.hasEnded);
  });

  test('that ignores its leash is killed after the grace period', async () => {
    const { child } = run("process.on('SIGTERM', () => {}); setInterval(() => {}, 1_000)", 1);
    await child.end();
    assert.equal(await child.ended, 'SIGKILL');
  });

  test('that cannot be started ends with the reason', async () => {
    const missing = spawn(join(tmpdir(), 'shoal-missing'), { stdio: ['pipe', 'pipe', 'pipe'] });
    const child = new Child(missing, { release: () => {}, kill: () => missing.kill(), exitGraceMs: 1 });
    assert.match(await child.ended, /ENOENT/);
    await child.end();
  });
});

suite('a program on a leash', { skip: WINDOWS }, () => {
  async function sleep() {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-leash-'));
    const command = { folder, binary: '/bin/sleep', args: ['600'], environment: process.env };
    return { folder, ...startLeashedProgram(command, () => {}) };
  }

  test('that a signal ends while it is waited for ends the wait at once, with the name of the signal', async () => {
    const { child, pid } = await sleep();
    const waiting = child.connected(never, unaborted);
    process.kill((await pid) ?? assert.fail(), 'SIGKILL');
    await assert.rejects(waiting, { message: 'SIGKILL' });
  });

  test('ends when the leash is closed, and its folder is removed', async () => {
    const { child, folder } = await sleep();
    await child.end();
    assert.equal(await child.ended, 'SIGTERM');
    await assert.rejects(stat(folder), { code: 'ENOENT' });
  });
});
