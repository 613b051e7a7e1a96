import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columns, count, duration } from './output.ts';

test('columns are as wide as their widest cell, and lines end without blanks', () => {
  assert.deepEqual(
    columns([
      ['a', 'bb', ''],
      ['ccc', 'd', 'e'],
    ]),
    ['a    bb', 'ccc  d   e'],
  );
});

test('durations are read at a glance', () => {
  const shown = [0.9, 59, 60, 3_599, 3_660, 90_000].map((seconds) => duration(seconds));
  assert.deepEqual(shown, ['0 s', '59 s', '1 min', '59 min', '1 h 1 min', '1 d 1 h']);
});

test('one is singular', () => {
  assert.deepEqual([count(0, 'peer'), count(1, 'peer'), count(2, 'peer')], ['0 peers', '1 peer', '2 peers']);
});
