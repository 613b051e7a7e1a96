import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from './shoal.ts';

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
  test(`"${text}" is refused, with the valid forms`, async () => {
    await assert.rejects(connect({ peers: [text] }), {
      code: 'INVALID_REQUEST',
      message: /ws:\/\/.*wss:\/\/.*tcp:\/\//,
    });
  });
}

test('an error does not repeat a secret in an address', async () => {
  await assert.rejects(connect({ peers: ['ws://user:secret@127.0.0.1'] }), ({ message }) => !/secret/.test(message));
});

test('connect without peers and clusters is refused, with both forms of the call', async () => {
  const message = /connect\(\{ clusters: .* connect\(\{ peers: /;
  await assert.rejects(connect(), { code: 'INVALID_REQUEST', message });
  await assert.rejects(connect({}), { code: 'INVALID_REQUEST', message });
  await assert.rejects(connect({ peers: [], clusters: [] }), { code: 'INVALID_REQUEST' });
});
