import assert from 'node:assert/strict';
import { test } from 'node:test';
import { size, TransferProgress } from './transfer-progress.ts';

function record(isTTY: boolean) {
  const written: string[] = [];
  let now = 0;
  const stream = { isTTY, write: (text: string) => void written.push(text) };
  const progress = new TransferProgress(1_000_000_000, stream, () => now);
  return { written, progress, at: (ms: number) => (now = ms) };
}

test('on a terminal a bar with bytes, rate and time left is redrawn in place', () => {
  const { written, progress, at } = record(true);
  at(1_000);
  progress.update(100_000_000);
  at(1_050);
  progress.update(110_000_000);
  at(10_000);
  progress.update(1_000_000_000);
  progress.end();
  assert.deepEqual(written, [
    '\r\u001b[K[##......................] 10 %, 100 MB of 1.0 GB, 100 MB/s, 9 s left',
    '\r\u001b[K[########################] 100 %, 1.0 GB of 1.0 GB, 100 MB/s, in 10 s',
    '\n',
  ]);
});

test('a transfer of less than a second is shown as such', () => {
  const { written, progress, at } = record(true);
  at(10);
  progress.update(500_000_000);
  at(30);
  progress.update(1_000_000_000);
  progress.end();
  assert.match(written[0] ?? '', /50 GB\/s, less than 1 s left$/);
  assert.match(written[1] ?? '', /, in 0\.03 s$/);
});

test('without a terminal each tenth is a plain line', () => {
  const { written, progress, at } = record(false);
  for (let part = 1; part <= 100; part += 1) {
    at(part * 100);
    progress.update(part * 10_000_000);
  }
  progress.end();
  assert.equal(written.length, 10);
  assert.equal(written[0], '10 %, 100 MB of 1.0 GB, 100 MB/s, 9 s left\n');
});

test('sizes have a decimal unit and at most three digits', () => {
  assert.deepEqual([0, 980, 999.7, 3_809_920, 120e6, 6e9].map(size), [
    '0 B',
    '980 B',
    '1.0 kB',
    '3.8 MB',
    '120 MB',
    '6.0 GB',
  ]);
});
