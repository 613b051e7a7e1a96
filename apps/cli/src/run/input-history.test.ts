import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryHome } from '../../../../packages/host/src/testing/temporary-home.ts';
import { InputHistory } from './input-history.ts';

test('two sessions share one history without duplicates, the latest line first', async (t) => {
  const home = temporaryHome(t);
  const [one, two] = [new InputHistory(home, assert.fail), new InputHistory(home, assert.fail)];
  for (const line of ['first', ' ', 'second', 'first']) one.remember(line);
  await one.written();
  two.remember('third');
  await two.written();
  assert.deepEqual(await one.lines(), ['third', 'first', 'second']);
  const path = join(home.state, 'run-history.json');
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('the history is limited, and a broken file is reported without an error', async (t) => {
  const home = temporaryHome(t);
  const path = join(home.state, 'run-history.json');
  writeFileSync(
    path,
    JSON.stringify(['x'.repeat(5_000), ...Array.from({ length: 300 }, (_, index) => `line ${index}`)]),
  );
  const history = new InputHistory(home, assert.fail);
  assert.equal((await history.lines()).length, 200);
  history.remember('y'.repeat(5_000));
  history.remember('latest');
  await history.written();
  const saved = JSON.parse(readFileSync(path, 'utf8')) as string[];
  assert.deepEqual([saved.length, saved[0], saved[1]], [200, 'latest', 'line 0']);
  writeFileSync(path, '[');
  const logged: string[] = [];
  const broken = new InputHistory(home, (line) => logged.push(line));
  assert.deepEqual(await broken.lines(), []);
  broken.remember('more');
  await broken.written();
  assert.match(logged.join('\n'), /cannot be read: .*run-history\.json is not valid JSON\.\n.*cannot be saved/);
});
