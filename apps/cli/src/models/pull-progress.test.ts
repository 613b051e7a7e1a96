import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PullProgress } from '@shoal/models';
import { PullLine } from './pull-progress.ts';

const STEPS: readonly PullProgress[] = [
  { phase: 'finding', doneBytes: 0 },
  { phase: 'fetching', doneBytes: 0, totalBytes: 1e9 },
  { phase: 'fetching', doneBytes: 450e6, totalBytes: 1e9, bytesPerSecond: 110e6, secondsLeft: 5 },
  { phase: 'fetching', doneBytes: 460e6, totalBytes: 1e9, bytesPerSecond: 110e6, secondsLeft: 4.9 },
  { phase: 'checking', doneBytes: 1e9, totalBytes: 1e9 },
  { phase: 'done', doneBytes: 1e9, totalBytes: 1e9 },
];

test('on a terminal a pull is one line with a bar, which is cleared at the end', () => {
  const written = record(STEPS, true);
  assert.equal(written[2], '\r\u001b[K[##########..............] 45 %, 450 MB of 1.0 GB, 110 MB/s, 5 s left');
  assert.deepEqual(written.slice(-2), ['\r\u001b[KChecking …', '\r\u001b[K']);
});

test('without a terminal each step and each tenth is a plain line', () => {
  assert.deepEqual(record(STEPS, false), [
    'Looking for llama …\n',
    '45 %, 450 MB of 1.0 GB, 110 MB/s, 5 s left\n',
    'Checking …\n',
  ]);
});

test('a file of unknown length has no percentage and no bar', () => {
  const written = record([{ phase: 'fetching', doneBytes: 5e6, bytesPerSecond: 1e6 }], true);
  assert.equal(written[0], '\r\u001b[K5.0 MB, 1.0 MB/s');
});

function record(steps: readonly PullProgress[], isTTY: boolean): string[] {
  const written: string[] = [];
  const line = new PullLine('llama', { isTTY, write: (text: string) => written.push(text) });
  for (const step of steps) line.update(step);
  return written;
}
