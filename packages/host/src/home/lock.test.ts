import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { lockHome } from './lock.ts';
import { runningPid } from './running-pid.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

test('a second node in a home is refused with the pid of the first', async (t) => {
  const home = temporaryHome(t);
  const lock = await lockHome(home);
  assert.equal(await runningPid(home), process.pid);
  await assert.rejects(lockHome(home), { code: 'INVALID_REQUEST', message: new RegExp(`pid ${process.pid}`) });
  await lock.release();
  assert.equal(await runningPid(home), undefined);
  await (await lockHome(home)).release();
});

test('the lock of a process that was killed is free', async (t) => {
  const home = temporaryHome(t);
  const holder = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `const { lockHome } = await import(process.argv[1]);
       await lockHome(JSON.parse(process.argv[2]));
       process.stdout.write('locked');
       setInterval(() => undefined, 1_000);`,
      new URL('lock.ts', import.meta.url).href,
      JSON.stringify(home),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(holder.stdout, 'data');
  await assert.rejects(lockHome(home), { message: new RegExp(`pid ${holder.pid}`) });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.equal(await runningPid(home), undefined);
  await (await lockHome(home)).release();
});
