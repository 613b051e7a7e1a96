import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  CONNECTIONS_PER_ADDRESS_MAX,
  CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX,
  EVICTED_WAIT_MS,
  MINIMUM_STAY_MS,
  type OwnedSeat,
  Seats,
  type SeatsOptions,
  type Visitor,
  WAITING_MAX,
} from './seats.ts';

/** Seats with a clock that the test moves. `closed` has the groups of the peers that were closed for newcomers. */
function open(context: TestContext, options: SeatsOptions) {
  context.mock.timers.reset();
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const closed: string[] = [];
  const seats = new Seats({ now: () => now, ...options });
  const watched = (seat: OwnedSeat | undefined, name: string): OwnedSeat | undefined => {
    seat?.onEvict(() => closed.push(name));
    return seat;
  };
  return {
    seats,
    closed,
    pass: (milliseconds: number): void => {
      now += milliseconds;
      context.mock.timers.tick(milliseconds);
    },
    take: (group: string, more: Partial<Visitor> = {}) => watched(seats.take({ group, ...more }), more.key ?? group),
    /** Returns the results so far: true for a visitor that got a seat. */
    admit: (group: string): boolean[] => {
      const results: boolean[] = [];
      seats.admit({ group }, (seat) => results.push(watched(seat, group) !== undefined));
      return results;
    },
  };
}

test('a seat is released only once', (context) => {
  const { take } = open(context, { total: 1 });
  const seat = take('192.168.1.2');
  assert.ok(seat);
  assert.equal(take('192.168.1.3'), undefined);
  seat.leave();
  seat.leave();
  assert.ok(take('192.168.1.3'));
  assert.equal(take('192.168.1.2'), undefined);
});

test('each address has a limit, and a loopback address has a higher one', (context) => {
  const { take } = open(context, { total: 10_000 });
  const count = (address: string): number => {
    let taken = 0;
    while (take(address) !== undefined) taken += 1;
    return taken;
  };
  assert.equal(count('192.168.1.2'), CONNECTIONS_PER_ADDRESS_MAX);
  assert.equal(count('127.0.0.1'), CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX);
});

test('the peer that has been idle longest gives up its seat after the minimum stay', (context) => {
  const { take, pass, closed } = open(context, { total: 2 });
  take('a');
  pass(1);
  take('b');
  pass(MINIMUM_STAY_MS - 2);
  assert.equal(take('c'), undefined);
  pass(1);
  assert.ok(take('c'));
  assert.deepEqual(closed, ['a']);
});

test('a peer that has asked, one that this node dialled and one with a condition that holds keep their seats', (context) => {
  const { seats, take, pass, closed } = open(context, { total: 3 });
  let answers = 1;
  take('asked')?.keep();
  take('dialled', { isDialled: true });
  take('answering')?.keepWhile(() => answers > 0);
  pass(MINIMUM_STAY_MS);
  assert.equal(take('late'), undefined);
  assert.equal(seats.hasIdle, false);
  answers = 0;
  assert.equal(seats.hasIdle, true);
  assert.ok(take('late'));
  assert.deepEqual(closed, ['answering']);
});

test('the group with the most seats gives one up, and no group takes a seat of a smaller one', (context) => {
  const { take, pass, closed } = open(context, { total: 5 });
  for (const group of ['alone', 'crowd', 'crowd', 'crowd', 'crowd']) {
    take(group);
    pass(1);
  }
  pass(MINIMUM_STAY_MS);
  assert.ok(take('new'));
  assert.ok(take('crowd', { key: 'again' }));
  assert.deepEqual(closed, ['crowd', 'crowd']);
});

test('peers that come again and again are not seated in place of one that has been there for longer', (context) => {
  const { take, pass, closed } = open(context, { total: 3 });
  take('alone');
  pass(MINIMUM_STAY_MS);
  take('crowd');
  take('crowd');
  assert.equal(take('new'), undefined);
  assert.deepEqual(closed, []);
});

test('an address at its limit replaces its own idle connections, although the door has free seats', (context) => {
  const { take, pass, closed } = open(context, { total: 10, perGroup: 2 });
  for (const group of ['other', 'other', 'full', 'full']) take(group);
  pass(MINIMUM_STAY_MS);
  assert.ok(take('full'));
  assert.deepEqual(closed, ['full']);
});

test('an evicted peer evicts nobody for a minute: not by its key, and not another address’s by its own', (context) => {
  const { take, pass, closed } = open(context, { total: 2 });
  take('a', { key: 'key of a' });
  pass(1);
  take('b');
  pass(MINIMUM_STAY_MS);
  assert.ok(take('c'));
  pass(MINIMUM_STAY_MS);
  assert.equal(take('a', { key: 'new key' }), undefined);
  assert.equal(take('d', { key: 'key of a' }), undefined);
  pass(EVICTED_WAIT_MS - MINIMUM_STAY_MS);
  assert.ok(take('a', { key: 'key of a' }));
  assert.deepEqual(closed, ['key of a', 'b']);
});

test('a newcomer waits for the end of a minimum stay, and not longer', (context) => {
  const { take, admit, pass } = open(context, { total: 2 });
  take('a');
  take('b')?.keep();
  pass(1_000);
  const [first, second] = [admit('c'), admit('d')];
  assert.deepEqual([first, second], [[], []]);
  pass(2_000);
  assert.deepEqual([first, second], [[true], []]);
  pass(1_000);
  assert.deepEqual(second, [false]);
});

test('a newcomer that waits gets a seat that is left, and is refused at once if nobody is idle', (context) => {
  const { take, admit } = open(context, { total: 1 });
  const seat = take('a');
  const waits = admit('b');
  seat?.leave();
  assert.deepEqual(waits, [true]);
  const { take: takeOther, admit: admitOther } = open(context, { total: 1 });
  takeOther('a')?.keep();
  assert.deepEqual(admitOther('b'), [false]);
});

test('those that wait are few, and a crowd does not keep the place of another address', (context) => {
  const { seats, take, admit, pass } = open(context, { total: 1 });
  take('a');
  const crowd = Array.from({ length: 10_000 }, () => admit('crowd'));
  assert.equal(crowd.filter((results) => results.length === 0).length, WAITING_MAX);
  const honest = admit('honest');
  assert.deepEqual(crowd[WAITING_MAX - 1], [false]);
  pass(MINIMUM_STAY_MS);
  assert.deepEqual([crowd[0], honest], [[true], [false]]);
  assert.equal(seats.taken, 1);
});

test('a door that closes refuses those that wait', (context) => {
  const { seats, take, admit } = open(context, { total: 1 });
  take('a');
  const waits = admit('b');
  seats.close();
  assert.deepEqual(waits, [false]);
});

test('with fair shares, only an address that has more than its share gives up a seat', (context) => {
  const { take, pass, closed } = open(context, { total: 5, overShareOnly: true });
  for (let index = 0; index < 5; index += 1) take('flat');
  pass(MINIMUM_STAY_MS);
  for (const group of ['a', 'b', 'c', 'd']) assert.ok(take(group));
  pass(MINIMUM_STAY_MS);
  assert.equal(take('e'), undefined);
  assert.deepEqual(closed, ['flat', 'flat', 'flat', 'flat']);
});

test('300 members that want 256 seats and ask nothing do not displace each other in circles', (context) => {
  const members = Array.from({ length: 300 }, (_, index) => ({ group: `10.0.0.${index}`, key: `key ${index}` }));
  const { seats, pass } = open(context, { total: 256 });
  const seated = new Set<Visitor>();
  let evictions = 0;
  const minutes = 10;
  for (let second = 0; second < minutes * 60; second += 1) {
    // Each peer without a connection dials again every second.
    for (const member of members) {
      if (seated.has(member)) continue;
      const seat = seats.take(member);
      if (seat === undefined) continue;
      seated.add(member);
      seat.onEvict(() => {
        evictions += 1;
        seated.delete(member);
      });
    }
    pass(1_000);
  }
  assert.equal(seated.size, 256);
  assert.ok(evictions <= 44 * minutes, `${evictions} evictions`);
});
