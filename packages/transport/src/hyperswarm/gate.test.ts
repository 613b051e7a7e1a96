import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MINIMUM_STAY_MS, type OwnedSeat } from '../seats.ts';
import { Gate, HANDSHAKES_MAX } from './gate.ts';

test('handshakes are counted, and a repeated one counts once', () => {
  const gate = new Gate(1_000);
  for (let index = 0; index < HANDSHAKES_MAX; index += 1) assert.ok(gate.expect(`key ${index}`, '127.0.0.1'));
  assert.ok(gate.expect('key 0', '127.0.0.1'));
  assert.equal(gate.expect('one more', '127.0.0.1'), false);
  gate.close();
});

test('a connection gets the seat of its handshake', () => {
  const gate = new Gate(1);
  assert.ok(gate.expect('first', '127.0.0.1'));
  const results: [string, OwnedSeat | undefined][] = [];
  const enter = (key: string): void => {
    gate.enter({ key, group: '127.0.0.1' }, (seat) => results.push([key, seat]));
  };
  enter('second');
  enter('first');
  const [first] = results;
  assert.equal(first?.[0], 'first');
  first[1]?.keep();
  assert.equal(gate.expect('third', '127.0.0.1'), false);
  first[1]?.leave();
  assert.deepEqual([results[1]?.[0], results[1]?.[1] !== undefined], ['second', true]);
  gate.close();
});

test('handshakes that never become connections keep out neither other handshakes nor a connection', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  const gate = new Gate(HANDSHAKES_MAX, () => now);
  for (let index = 0; index < HANDSHAKES_MAX; index += 1) gate.expect(`key ${index}`, '203.0.113.1');
  now = MINIMUM_STAY_MS;
  assert.ok(gate.expect('honest', '203.0.113.2'));
  let seat: OwnedSeat | undefined;
  gate.enter({ key: 'honest', group: '203.0.113.2' }, (taken) => (seat = taken));
  assert.ok(seat);
  gate.close();
});
