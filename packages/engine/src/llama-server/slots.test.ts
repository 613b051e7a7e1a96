import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from './slots.ts';

const unaborted = new AbortController().signal;

test('whoever waits longest gets the slot that is given back, and only once', async () => {
  const slots = new Slots(1);
  const order: string[] = [];
  const leave = await slots.take(unaborted);
  const first = slots.take(unaborted).then((give) => (order.push('first'), give));
  const second = slots.take(unaborted).then((give) => (order.push('second'), give));
  leave();
  leave();
  (await first)();
  (await second)();
  assert.deepEqual(order, ['first', 'second']);
  (await slots.take(unaborted))();
});

test('who takes a request back no longer waits, and takes no slot', async () => {
  const slots = new Slots(1);
  const leave = await slots.take(unaborted);
  const abort = new AbortController();
  const waiting = slots.take(abort.signal);
  abort.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  leave();
  (await slots.take(unaborted))();
});
