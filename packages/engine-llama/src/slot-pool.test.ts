import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { commonBeginning, type Slot, SlotPool } from './slot-pool.ts';

const HISTORY = Array.from({ length: 100 }, (_, index) => index);

function used(slots: SlotPool, tokens: readonly number[]): Slot {
  const slot = slots.take(tokens) ?? assert.fail('a slot is free');
  slot.tokens.length = commonBeginning(slot.tokens, tokens);
  slot.tokens.push(...tokens.slice(slot.tokens.length));
  slot.isTaken = false;
  return slot;
}

suite('slots', () => {
  test('a conversation comes back to the slot that has read it', () => {
    const slots = new SlotPool(3);
    const slot = used(slots, HISTORY);
    used(slots, [7, 7, 7]);
    assert.equal(slots.take([...HISTORY, 1, 2, 3]), slot);
  });

  test('a few tokens in common are no reason to give up what another conversation needs', () => {
    const slots = new SlotPool(2);
    const slot = used(slots, HISTORY);
    assert.notEqual(slots.take([0, 1, 2, ...Array.from({ length: 97 }, () => 5)]), slot);
  });

  test('without a history the slot that was taken the longest ago is the one', () => {
    const slots = new SlotPool(2);
    const first = used(slots, [1, 1]);
    used(slots, [2, 2]);
    assert.equal(slots.take([3, 3]), first);
  });

  test('a slot has one request at a time', () => {
    const slots = new SlotPool(1);
    assert.ok(slots.take(HISTORY));
    assert.equal(slots.take(HISTORY), undefined);
  });
});
