import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

test('shoal logs prints the end of the log by level, and follows it until Ctrl-C', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const missing = await shoal.run(['logs']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /There is no log at .*shoal\.log/);
  assert.equal((await shoal.run(['logs', '--level', 'loud'])).code, 2);

  mkdirSync(join(shoal.home, 'logs'));
  const path = join(shoal.home, 'logs/shoal.log');
  const lines = ['info', 'warn', 'debug', 'error'].map((level, time) => JSON.stringify({ level, time, msg: level }));
  appendFileSync(path, lines.map((line) => `${line}\n`).join(''));
  assert.equal((await shoal.run(['logs', '--level', 'warn'])).stdout, `${lines[1]}\n${lines[3]}\n`);
  assert.equal((await shoal.run(['logs', '-n', '1'])).stdout, `${lines[3]}\n`);

  const child = shoal.spawn(['logs', '-f', '-n', '0']);
  assert.ok(child.stdout);
  const written = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // The command says nothing before the first new line, so lines are written until one of them arrives.
  const more = setInterval(() => appendFileSync(path, `${lines[0]}\n`), 50);
  assert.deepEqual(await written.next(), { done: false, value: lines[0] });
  clearInterval(more);
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
