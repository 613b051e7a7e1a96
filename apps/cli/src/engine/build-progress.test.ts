import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuildLine, parseShare } from './build-progress.ts';

test('progress is parsed from the output of ninja and make', () => {
  assert.equal(parseShare('[12/48] Building CXX object a.o'), 0.25);
  assert.equal(parseShare('[ 50%] Building CXX object a.o'), 0.5);
  assert.equal(parseShare('Building CXX object a.o'), undefined);
  assert.equal(parseShare('[0/0] nothing'), undefined);
});

test('without a terminal each step and each tenth is a line with the time left', () => {
  const written: string[] = [];
  let now = 0;
  const line = new BuildLine({ write: (text: string) => written.push(text) }, () => now);
  line.step('Compiling');
  for (const done of [1, 25, 26, 50, 100]) {
    line.readOutput(`[${done}/100] Building`);
    now += 10_000;
  }
  line.end();
  assert.deepEqual(written, [
    'Compiling …\n',
    'Compiling, 25 %, 30 s left\n',
    'Compiling, 50 %, 30 s left\n',
    'Compiling, 100 %\n',
  ]);
});

test('on a terminal it is one line with a bar, which is removed at the end', () => {
  const written: string[] = [];
  const line = new BuildLine({ isTTY: true, columns: 80, write: (text: string) => written.push(text) }, () => 0);
  line.readOutput('[ 50%] Building');
  line.end();
  assert.deepEqual(written, ['\r\u001b[K[############............] Compiling, 50 %', '\r\u001b[K']);
});
