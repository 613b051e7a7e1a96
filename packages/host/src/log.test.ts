import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { test } from 'node:test';

const FULL = '/dev/full';

test('a program whose log is on a full disk goes on', (t) => {
  if (!existsSync(FULL)) return t.skip(`${FULL} is only on Linux`);
  const script = `import { createLogger } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)};
    const log = createLogger('info');
    for (let line = 0; line < 3; line += 1) log.info('a line');
    process.stdout.write('went on');`;
  const full = openSync(FULL, 'w');
  t.after(() => closeSync(full));
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', full],
  });
  assert.deepEqual([status, stdout.toString()], [0, 'went on']);
});
