import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { commonPrefixLength, type Slot, SlotPool } from './slot-pool.ts';

const HISTORY = Array.from({ length: 100 }, (_, index) => index);

function used(slots: SlotPool, tokens: readonly number[]): Slot {
  const slot = slots.take(tokens) ?? assert.fail('a slot is free');
  slot.tokens.length = commonPrefixLength(slot.tokens, tokens);
  slot.tokens.push(...tokens.slice(slot.tokens.length));
  slot.isTaken = false;
  return slot;
}

suite('slots', () => {
  test('returns the slot that has cached the conversation', () => {
    const slots = new SlotPool(3);
    const slot = used(slots, HISTORY);
    used(slots, [7, 7, 7]);
    assert.equal(slots.take([...HISTORY, 1, 2, 3]), slot);
  });

  test('does not overwrite a conversation for a few common tokens', () => {
    const slots = new SlotPool(2);
    const slot = used(slots, HISTORY);
    assert.notEqual(slots.take([0, 1, 2, ...Array.from({ length: 97 }, () => 5)]), slot);
  });

  test('returns the least recently used slot if none has a common beginning', () => {
    const slots = new SlotPool(2);
    const first = used(slots, [1, 1]);
    used(slots, [2, 2]);
    assert.equal(slots.take([3, 3]), first);
  });

  test('gives a slot to one request at a time', () => {
    const slots = new SlotPool(1);
    assert.ok(slots.take(HISTORY));
    assert.equal(slots.take(HISTORY), undefined);
  });
});
