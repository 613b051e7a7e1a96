import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDialable } from './dial.browser.ts';
import { parsePeerAddress } from './peer-address.ts';
import { createDht } from './swarm.browser.ts';

test('a WebSocket address keeps its path, or gets the default path', () => {
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

test('errors name what a web page cannot do', () => {
  checkDialable(parsePeerAddress('wss://example.org'));
  assert.throws(() => checkDialable(parsePeerAddress('tcp://127.0.0.1:1')), {
    code: 'INVALID_REQUEST',
    message: /ws: or wss:/,
  });
  assert.throws(() => createDht(), { code: 'INVALID_REQUEST', message: /ws: or wss:/ });
});
