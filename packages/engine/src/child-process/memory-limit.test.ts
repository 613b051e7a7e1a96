import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { Child } from './child.ts';
import { memoryLimitBytes } from './memory-limit.ts';

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;
const skip = process.platform === 'linux' ? false : 'memory is read from /proc';

test('the limit follows the prediction, and leaves memory to the machine', () => {
  assert.equal(memoryLimitBytes(3 * GIB, 100 * GIB), 8 * GIB);
  assert.equal(memoryLimitBytes(3 * GIB, 5 * GIB), 4.5 * GIB);
  assert.equal(memoryLimitBytes(undefined, 10 * GIB), 9 * GIB);
});

test('a process that takes more memory than its limit is killed, and the reason names both', { skip }, async () => {
  const script = `const held = [];
    setInterval(() => held.push(Buffer.alloc(${16 * MIB}, 1)), 10);`;
  const node = spawn(process.execPath, ['--eval', script], { stdio: ['pipe', 'ignore', 'ignore'] });
  const child = new Child(node, {
    release: () => node.stdin.end(),
    kill: () => node.kill('SIGKILL'),
    exitGraceMs: 1_000,
  });
  child.limitMemory(node.pid, 200 * MIB);
  assert.match(await child.ended, /^it took \d\.\d GiB of memory, and its limit is 0\.2 GiB$/);
});
