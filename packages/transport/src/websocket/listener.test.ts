import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { listenWebSocket, WEBSOCKET_HANDSHAKE_MS } from './listener.ts';

// In a file of its own: mocked timers would affect the timers of other tests.
test('a handshake that is not complete in time is ended without an answer', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const listener = await listenWebSocket({
    host: '127.0.0.1',
    port: 0,
    path: '/door',
    maxConnections: 2,
    maxPayloadBytes: 1_000,
    onConnection: () => assert.fail('the handshake is not complete'),
  });
  const { port } = listener.address();
  const dripping = connect({ host: '127.0.0.1', port });
  dripping.resume().write('GET /door HTTP/1.1\r\nHost: 127');
  // The answer to a later connection shows that the listener has accepted the first.
  const later = connect({ host: '127.0.0.1', port });
  later.write('GET /door HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(later, 'data');
  context.mock.timers.tick(WEBSOCKET_HANDSHAKE_MS);
  await once(dripping, 'close');
  await listener.close();
});
