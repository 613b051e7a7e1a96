import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Admission, type Applicant, type Lease, type Queue, type QueuePolicy, UNREAD_PENALTY_MS } from './admission.ts';

/** A queue that may use all slots. */
function queueOf({ slots, waiting }: { slots: number; waiting: number }): Queue {
  return new Admission({ slots }).queue({ running: Infinity, waiting });
}

test('requests run while slots are free, then wait in order, then are refused', () => {
  const admission = queueOf({ slots: 1, waiting: 2 });
  const granted: string[] = [];
  const leases: Lease[] = [];
  const ask = (name: string) =>
    admission.admit(
      from('a', (lease) => {
        granted.push(name);
        leases.push(lease);
      }),
    );
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
  admission.admit(from('a', (given) => (lease = given)));
  admission.admit(from('a', () => {}));
  lease?.release();
  lease?.release();
  assert.equal(admission.active, 1);
});

test('a request that leaves the queue gets no lease', () => {
  const admission = queueOf({ slots: 1, waiting: 1 });
  let lease: Lease | undefined;
  admission.admit(from('a', (given) => (lease = given)));
  admission.admit(from('a', () => assert.fail('it had left')))?.leave();
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

test('the next to run is of the group with the fewest running requests, and the first of those', () => {
  const { ask, granted, release } = oneQueue({ slots: 2, waiting: 8 });
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2']) ask(name);
  release('a1');
  assert.deepEqual(granted, ['a1', 'a2', 'b1']);
  release('b1');
  assert.deepEqual(granted, ['a1', 'a2', 'b1', 'b2']);
  release('a2');
  assert.deepEqual(granted, ['a1', 'a2', 'b1', 'b2', 'a3']);
});

test('in a full queue the latest request of the group with the most gives way, and equal groups are refused', () => {
  const { ask, refused, granted, release } = oneQueue({ slots: 1, waiting: 3 });
  for (const name of ['a1', 'a2', 'a3', 'a4']) ask(name);
  ask('b1');
  assert.deepEqual(refused, ['a4']);
  assert.throws(() => ask('b2'), { code: 'QUEUE_FULL' });
  release('a1');
  release('b1');
  assert.deepEqual(granted, ['a1', 'b1', 'a2']);
});

test('a lease is wanted while a request of another group waits', () => {
  const { ask, leases } = oneQueue({ slots: 1, waiting: 3 });
  ask('a1');
  ask('a2');
  assert.equal(leases.get('a1')?.isWanted, false);
  ask('b1');
  assert.equal(leases.get('a1')?.isWanted, true);
});

test('a group that kept a slot from others by not reading is refused for half a minute', () => {
  let now = 0;
  const { ask, granted, refused, leases, release } = oneQueue({ slots: 1, waiting: 4, now: () => now });
  for (const name of ['a1', 'a2', 'b1']) ask(name);
  leases.get('a1')?.unread();
  assert.deepEqual(refused, ['a2']);
  release('a1');
  assert.throws(() => ask('a3'), { code: 'OVERLOADED', retryAfterMs: UNREAD_PENALTY_MS });
  now = UNREAD_PENALTY_MS;
  release('b1');
  ask('a4');
  assert.deepEqual(granted, ['a1', 'b1', 'a4']);
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
  careful.admit(from('a', (lease) => lease.release()));
  open.admit(from('a', () => {}));
  assert.throws(() => careful.admit(from('a', () => assert.fail('it was busy'))), /busy/);
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
            const place = admission.admit(from('a', (lease) => leases.push(lease)));
            if (place !== undefined) leaving.push(() => void place.leave());
          }
          assert.equal(admission.active + admission.queued, open);
          assert.equal(admission.active, Math.min(open, slots));
        }
      },
    ),
  );
});

/** A request of a group of peers, which is not refused once it waits. */
function from(group: string, granted: Applicant['granted']): Applicant {
  return { group, granted, refused: () => assert.fail('it waited') };
}

/** Requests are named `DOOR NAME`; the doors are `one` and `two`, over two slots. */
function twoDoors(one: QueuePolicy, two: QueuePolicy) {
  const admission = new Admission({ slots: 2 });
  const doors: Record<string, Queue> = { one: admission.queue(one), two: admission.queue(two) };
  const granted: string[] = [];
  const leases = new Map<string, Lease>();
  return {
    granted,
    ask: (name: string) => {
      doors[name.split(' ')[0] ?? '']?.admit(
        from('a', (lease) => {
          granted.push(name);
          leases.set(name, lease);
        }),
      );
    },
    release: (name: string) => leases.get(name)?.release(),
  };
}

/** Requests are named by the letter of their group and a number. */
function oneQueue(options: { slots: number; waiting: number; now?: () => number }) {
  const queue = new Admission(options).queue({ running: Infinity, waiting: options.waiting });
  const granted: string[] = [];
  const refused: string[] = [];
  const leases = new Map<string, Lease>();
  return {
    granted,
    refused,
    leases,
    ask: (name: string) => {
      queue.admit({
        group: name.charAt(0),
        granted: (lease) => {
          granted.push(name);
          leases.set(name, lease);
        },
        refused: () => refused.push(name),
      });
    },
    release: (name: string) => leases.get(name)?.release(),
  };
}
