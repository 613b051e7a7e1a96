import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

test('a process whose parent ended before it was ready ends as soon as it is ready', async () => {
  const child = fork(new URL('./testing/orphan.ts', import.meta.url), { execArgv: [] });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});
