import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Admission, type Lease, type Queue, type QueuePolicy } from './admission.ts';

/** A queue that may use all slots. */
function queueOf({ slots, waiting }: { slots: number; waiting: number }): Queue {
  return new Admission({ slots }).queue({ running: Infinity, waiting });
}

test('requests run while slots are free, then wait in order, then are refused', () => {
  const admission = queueOf({ slots: 1, waiting: 2 });
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

test('a lease that is released twice is returned once', () => {
  const admission = queueOf({ slots: 2, waiting: 0 });
  let lease: Lease | undefined;
  admission.admit((given) => (lease = given));
  admission.admit(() => {});
  lease?.release();
  lease?.release();
  assert.equal(admission.active, 1);
});

test('a request that leaves the queue gets no lease', () => {
  const admission = queueOf({ slots: 1, waiting: 1 });
  let lease: Lease | undefined;
  admission.admit((given) => (lease = given));
  admission.admit(() => assert.fail('it had left'))?.leave();
  lease?.release();
  assert.deepEqual([admission.active, admission.queued], [0, 0]);
});

test('doors share the slots in order of arrival, and a request that may not run yet does not block others', () => {
  const { ask, granted, release } = twoDoors({ running: 1, waiting: 2 }, { running: 2, waiting: 2 });
  for (const name of ['one a', 'one b', 'two a', 'two b']) ask(name);
  assert.deepEqual(granted, ['one a', 'two a']);
  release('two a');
  assert.deepEqual(granted, ['one a', 'two a', 'two b']);
  release('one a');
  assert.deepEqual(granted, ['one a', 'two a', 'two b', 'one b']);
});

test('the policy of a door gets its own load and the load of all doors', () => {
  const admission = new Admission({ slots: 2 });
  const seen: unknown[] = [];
  const refuse: QueuePolicy['refuse'] = (own, all) => {
    seen.push([own.active, own.queued, all.active, all.queued]);
    if (all.active > 0) throw new Error('busy');
  };
  const open = admission.queue({ running: 2, waiting: 2 });
  const careful = admission.queue({ running: 1, waiting: 0, refuse });
  careful.admit((lease) => lease.release());
  open.admit(() => {});
  assert.throws(() => careful.admit(() => assert.fail('it was busy')), /busy/);
  assert.deepEqual(seen, [
    [0, 0, 0, 0],
    [0, 0, 1, 0],
  ]);
});

test('in any order of requests, releases and leaving, no more run than there are slots and none is lost', () => {
  const step = fc.constantFrom('ask', 'release', 'leave');
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 3 }),
      fc.array(step),
      (slots, queueCapacity, steps) => {
        const admission = queueOf({ slots, waiting: queueCapacity });
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
            if (place !== undefined) leaving.push(() => void place.leave());
          }
          assert.equal(admission.active + admission.queued, open);
          assert.equal(admission.active, Math.min(open, slots));
        }
      },
    ),
  );
});

/** Requests are named `DOOR NAME`; the doors are `one` and `two`, over two slots. */
function twoDoors(one: QueuePolicy, two: QueuePolicy) {
  const admission = new Admission({ slots: 2 });
  const doors: Record<string, Queue> = { one: admission.queue(one), two: admission.queue(two) };
  const granted: string[] = [];
  const leases = new Map<string, Lease>();
  return {
    granted,
    ask: (name: string) => {
      doors[name.split(' ')[0] ?? '']?.admit((lease) => {
        granted.push(name);
        leases.set(name, lease);
      });
    },
    release: (name: string) => leases.get(name)?.release(),
  };
}
