import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Admission, type Lease } from './admission.ts';

test('requests run while slots are free, then wait in order, then are refused', () => {
  const admission = new Admission({ slots: 1, queueCapacity: 2 });
  const granted: string[] = [];
  const leases: Lease[] = [];
  const ask = (name: string) =>
    admission.admit((lease) => {
      granted.push(name);
      leases.push(lease);
    });
  assert.equal(ask('a'), undefined);
  assert.equal(ask('b')?.position, 1);
  assert.equal(ask('c')?.position, 2);
  assert.throws(() => ask('d'), { code: 'QUEUE_FULL' });
  leases[0]?.release();
  leases[1]?.release();
  assert.deepEqual(granted, ['a', 'b', 'c']);
});

test('a lease is given back once, however often it is released', () => {
  const admission = new Admission({ slots: 2, queueCapacity: 0 });
  let lease: Lease | undefined;
  admission.admit((given) => (lease = given));
  admission.admit(() => {});
  lease?.release();
  lease?.release();
  assert.equal(admission.active, 1);
});

test('who leaves the queue is not granted a lease', () => {
  const admission = new Admission({ slots: 1, queueCapacity: 1 });
  let lease: Lease | undefined;
  admission.admit((given) => (lease = given));
  admission.admit(() => assert.fail('it had left'))?.leave();
  lease?.release();
  assert.deepEqual([admission.active, admission.queued], [0, 0]);
});

test('whatever the order of requests, releases and leaving, no more run than there are slots and none is forgotten', () => {
  const step = fc.constantFrom('ask', 'release', 'leave');
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.array(step),
      (slots, queueCapacity, steps) => {
        const admission = new Admission({ slots, queueCapacity });
        const leases: Lease[] = [];
        const leaving: (() => void)[] = [];
        let open = 0;
        for (const taken of steps) {
          if (taken === 'release') {
            const lease = leases.shift();
            if (lease !== undefined) open -= 1;
            lease?.release();
          } else if (taken === 'leave') {
            const before = admission.queued;
            leaving.pop()?.();
            open -= before - admission.queued;
          } else if (admission.active < slots || admission.queued < queueCapacity) {
            open += 1;
            const place = admission.admit((lease) => leases.push(lease));
            if (place !== undefined) leaving.push(() => place.leave());
          }
          assert.equal(admission.active + admission.queued, open);
          assert.equal(admission.active, Math.min(open, slots));
        }
      },
    ),
  );
});
