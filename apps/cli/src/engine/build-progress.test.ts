import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BuildLine, shareIn } from './build-progress.ts';

test('ninja and make both say how far they are', () => {
  assert.equal(shareIn('[12/48] Building CXX object a.o'), 0.25);
  assert.equal(shareIn('[ 50%] Building CXX object a.o'), 0.5);
  assert.equal(shareIn('Building CXX object a.o'), undefined);
  assert.equal(shareIn('[0/0] nothing'), undefined);
});

test('where there is no terminal each step and each tenth is a line, with the time left', () => {
  const written: string[] = [];
  let now = 0;
  const line = new BuildLine({ write: (text: string) => written.push(text) }, () => now);
  line.step('Compiling');
  for (const done of [1, 25, 26, 50, 100]) {
    line.hear(`[${done}/100] Building`);
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

test('on a terminal it is one line with a bar, which is gone when it is done', () => {
  const written: string[] = [];
  const line = new BuildLine({ isTTY: true, columns: 80, write: (text: string) => written.push(text) }, () => 0);
  line.hear('[ 50%] Building');
  line.end();
  assert.deepEqual(written, ['\r\u001b[K[############............] Compiling, 50 %', '\r\u001b[K']);
});
