import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { isProcessAlive } from './process.ts';

test('a process is alive until it ends', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const { pid } = child;
  assert.ok(pid !== undefined && isProcessAlive(pid));
  const ended = once(child, 'exit');
  child.stdin.end();
  await ended;
  assert.ok(!isProcessAlive(pid));
  assert.ok(isProcessAlive(process.pid));
});
