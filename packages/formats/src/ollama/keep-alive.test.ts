import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepAliveMs } from './keep-alive.ts';

test('durations use the notation of Ollama', () => {
  assert.deepEqual(
    ['5m', '1h30m', '300', 20, '500ms', '0', 0].map(keepAliveMs),
    [300_000, 5_400_000, 300_000, 20_000, 500, 0, 0],
  );
});

test('a duration below 0 or longer than a timer has no limit', () => {
  assert.deepEqual([-1, '-1', '-1m', '1000h'].map(keepAliveMs), [Infinity, Infinity, Infinity, Infinity]);
});

test('other texts are not durations', () => {
  for (const text of ['', 'soon', '5 m', '5x', 'm', '--1', Number.NaN]) assert.equal(keepAliveMs(text), undefined);
});
