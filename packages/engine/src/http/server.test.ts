import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { ModelServer, type ServerFailures } from './server.ts';

const MINUTE_MS = 60_000;
const failures: ServerFailures = {
  notFound: () => ShoalError.generationFailed('not found'),
  silent: () => ShoalError.generationFailed('silent'),
  brokenOff: () => ShoalError.generationFailed('broken off'),
  unreadable: (cause) => ShoalError.generationFailed('unreadable', cause),
};

/** Answers every request by switching protocols. */
const fakeUpgrader: Server = createServer((request) => {
  request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
});
await once(fakeUpgrader.listen(0, '127.0.0.1'), 'listening');

suite('a request to a model server', () => {
  after(() => {
    fakeUpgrader.close();
    fakeUpgrader.closeAllConnections();
  });

  test('a response that switches protocols is an error', async () => {
    const address = fakeUpgrader.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const server = new ModelServer(new URL(`http://127.0.0.1:${port}/`), failures);
    const { signal } = new AbortController();
    await assert.rejects(server.request({ path: 'x', signal, timeoutMs: MINUTE_MS }), { message: 'broken off' });
  });

  test('a response that is read as a whole has a time limit', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const server = new ModelServer(new URL('http://127.0.0.1/'), failures);
    let pieces = 0;
    const slowBody = async function* (): AsyncGenerator<Uint8Array, undefined> {
      for (; pieces < 100; pieces++) {
        now += MINUTE_MS / 3;
        yield Uint8Array.of(32);
      }
    };
    await assert.rejects(server.readText(slowBody()), { message: 'unreadable' });
    assert.ok(pieces < 10);
  });
});
