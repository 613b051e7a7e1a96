import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caps, CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX } from '../caps.ts';
import { Gate, HANDSHAKES_MAX } from './gate.ts';

test('a place is released only once', () => {
  const caps = new Caps({ total: 1 });
  const release = caps.reserve('192.168.1.2');
  assert.ok(release);
  assert.equal(caps.reserve('192.168.1.3'), undefined);
  release();
  release();
  assert.ok(caps.reserve('192.168.1.3'));
  assert.equal(caps.reserve('192.168.1.2'), undefined);
});

test('each address has a limit, and a loopback address has a higher one', () => {
  const caps = new Caps({ total: 10_000 });
  const reserve = (address: string) => {
    let count = 0;
    while (caps.reserve(address) !== undefined) count += 1;
    return count;
  };
  assert.equal(reserve('192.168.1.2'), CONNECTIONS_PER_ADDRESS_MAX);
  assert.equal(reserve('127.0.0.1'), CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX);
});

test('handshakes are counted, and a repeated one counts once', () => {
  const gate = new Gate(1_000);
  for (let index = 0; index < HANDSHAKES_MAX; index += 1) assert.ok(gate.expect(`key ${index}`, '127.0.0.1'));
  assert.ok(gate.expect('key 0', '127.0.0.1'));
  assert.equal(gate.expect('one more', '127.0.0.1'), false);
  gate.close();
});

test('a connection gets the place of its handshake', () => {
  const gate = new Gate(1);
  assert.ok(gate.expect('first', '127.0.0.1'));
  assert.equal(gate.enter('second', '127.0.0.1'), undefined);
  const release = gate.enter('first', '127.0.0.1');
  assert.ok(release);
  assert.equal(gate.expect('second', '127.0.0.1'), false);
  release();
  assert.ok(gate.expect('second', '127.0.0.1'));
  gate.close();
});
