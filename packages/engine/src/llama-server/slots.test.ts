import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlotQueue } from './slots.ts';

const unaborted = new AbortController().signal;

test('a released slot goes to the request that waits longest, and only once', async () => {
  const slots = new SlotQueue(1);
  const order: string[] = [];
  const release = await slots.acquire(unaborted);
  const first = slots.acquire(unaborted).then((give) => (order.push('first'), give));
  const second = slots.acquire(unaborted).then((give) => (order.push('second'), give));
  release();
  release();
  (await first)();
  (await second)();
  assert.deepEqual(order, ['first', 'second']);
  (await slots.acquire(unaborted))();
});

test('an aborted request no longer waits and gets no slot', async () => {
  const slots = new SlotQueue(1);
  const release = await slots.acquire(unaborted);
  const abort = new AbortController();
  const waiting = slots.acquire(abort.signal);
  abort.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  release();
  (await slots.acquire(unaborted))();
});
