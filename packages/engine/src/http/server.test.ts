import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol';
import { ModelServer, type ServerFailures } from './server.ts';

const MINUTE_MS = 60_000;
const failures: ServerFailures = {
  notFound: () => ShoalError.generationFailed('not found'),
  silent: () => ShoalError.generationFailed('silent'),
  brokenOff: () => ShoalError.generationFailed('broken off'),
  unreadable: (cause) => ShoalError.generationFailed('unreadable', cause),
};

/** Answers every question with a wish to speak something else. */
const fakeUpgrader: Server = createServer((request) => {
  request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
});
await once(fakeUpgrader.listen(0, '127.0.0.1'), 'listening');

suite('asking a server', () => {
  after(() => {
    fakeUpgrader.close();
    fakeUpgrader.closeAllConnections();
  });

  test('a server that wants to speak something else has broken off', async () => {
    const address = fakeUpgrader.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const server = new ModelServer(new URL(`http://127.0.0.1:${port}/`), failures);
    const { signal } = new AbortController();
    await assert.rejects(server.ask({ path: 'x', signal, patienceMs: MINUTE_MS }), { message: 'broken off' });
  });

  test('a whole reply that drips for minutes is given up', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const server = new ModelServer(new URL('http://127.0.0.1/'), failures);
    let drops = 0;
    const drip = async function* (): AsyncGenerator<Uint8Array, undefined> {
      for (; drops < 100; drops++) {
        now += MINUTE_MS / 3;
        yield Uint8Array.of(32);
      }
    };
    await assert.rejects(server.readText(drip()), { message: 'unreadable' });
    assert.ok(drops < 10);
  });
});
