import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { dialDonate } from './donate.ts';

suite('dialling a Donate compute node', () => {
  test('one that never speaks is told from one that hangs up', async (t) => {
    const sockets: Socket[] = [];
    let hangsUp = false;
    const server = createServer((socket) => {
      if (hangsUp) socket.end();
      else sockets.push(socket);
    }).listen(0, '127.0.0.1');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' ? bound?.port : undefined;
    await assert.rejects(dialDonate(`127.0.0.1:${port}`, { timeoutMs: 50 }), {
      code: 'CONNECT_FAILED',
      message: `127.0.0.1:${port} said no hello within 0.05 s: is it a Donate compute node?`,
    });
    hangsUp = true;
    await assert.rejects(dialDonate(`127.0.0.1:${port}`), { message: /closed the connection before it said hello/ });
  });

  test('a host that does not exist and a port where nobody listens are told apart', async () => {
    // No name may have an empty part, so that nobody has to be asked.
    await assert.rejects(dialDonate('no..host'), { code: 'CONNECT_FAILED', message: 'There is no host "no..host".' });
    await assert.rejects(dialDonate('127.0.0.1:1'), {
      code: 'CONNECT_FAILED',
      message: '127.0.0.1:1 refused the connection: is `shoal donate` running there?',
    });
  });

  test('an address of IPv6 without brackets is told how to write it', async () => {
    await assert.rejects(dialDonate('::1'), { code: 'INVALID_REQUEST', message: /\[IPV6\]:PORT/ });
  });
});
