import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDialable } from './dial.browser.ts';
import { parsePeerAddress } from './peer-address.ts';
import { connect } from '@shoal/client/shoal';
import { createDht } from './swarm.browser.ts';

test('a WebSocket address keeps its path, and has the usual one where it has none', () => {
  const texts = ['ws://127.0.0.1:17003', 'wss://Example.org/', 'ws://[::1]:1/other'].map(
    (text) => parsePeerAddress(text).text,
  );
  assert.deepEqual(texts, ['ws://127.0.0.1:17003/shoal/v1', 'wss://example.org/shoal/v1', 'ws://[::1]:1/other']);
});

test('a TCP address has a host and a port', () => {
  assert.deepEqual(parsePeerAddress('tcp://[::1]:17004'), {
    type: 'tcp',
    text: 'tcp://[::1]:17004',
    host: '::1',
    port: 17_004,
  });
});

for (const text of [
  '',
  '127.0.0.1:17003',
  'http://127.0.0.1:17003',
  'ws://',
  'ws://user:secret@127.0.0.1',
  'ws://127.0.0.1/#token',
  'ws://127.0.0.1/?token=secret',
  'tcp://127.0.0.1',
  'tcp://127.0.0.1:0',
  'tcp://127.0.0.1:70000',
  'tcp://127.0.0.1:1/path',
]) {
  test(`"${text}" is refused, with what is taken`, async () => {
    await assert.rejects(connect({ peers: [text] }), {
      code: 'INVALID_REQUEST',
      message: /ws:\/\/.*wss:\/\/.*tcp:\/\//,
    });
  });
}

test('a secret in an address is not said again', async () => {
  await assert.rejects(connect({ peers: ['ws://user:secret@127.0.0.1'] }), ({ message }) => !/secret/.test(message));
});

test('whoever gives neither peers nor clusters is told to', async () => {
  await assert.rejects(connect({}), { code: 'INVALID_REQUEST' });
  await assert.rejects(connect({ peers: [], clusters: [] }), { code: 'INVALID_REQUEST' });
});

test('a web page is told what it cannot do', () => {
  checkDialable(parsePeerAddress('wss://example.org'));
  assert.throws(() => checkDialable(parsePeerAddress('tcp://127.0.0.1:1')), {
    code: 'INVALID_REQUEST',
    message: /ws: or wss:/,
  });
  assert.throws(() => createDht(), { code: 'INVALID_REQUEST', message: /ws: or wss:/ });
});
