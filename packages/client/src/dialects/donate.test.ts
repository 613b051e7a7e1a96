import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { donateFramer } from '@shoal/protocol/donate';
import { dialDonate } from './donate.ts';

test('a deadline ends the job of a node that says nothing after its hello, and every job behind it', async (t) => {
  const hello = { v: 1, type: 'hello', mode: 'local_lm', role: 'server' };
  const frame = donateFramer().encode(Buffer.from(JSON.stringify(hello)));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.write(frame);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' ? bound?.port : undefined;
  const node = await dialDonate(`127.0.0.1:${port}`);
  const first = node.prompt('Hi');
  const second = node.prompt('Hi', { deadlineMs: 50 });
  await assert.rejects(first, { code: 'WORKER_LOST' });
  await assert.rejects(second, { code: 'DEADLINE_EXCEEDED' });
  await assert.rejects(node.infer({ ids: [1], deadlineMs: 0 }), { code: 'INVALID_REQUEST' });
});

suite('dialling a Donate compute node', () => {
  test('a node that sends nothing and a node that hangs up have different errors', async (t) => {
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
      message: `127.0.0.1:${port} sent no hello within 0.05 s: is it a Donate compute node?`,
    });
    hangsUp = true;
    await assert.rejects(dialDonate(`127.0.0.1:${port}`), {
      message: /closed the connection before it sent its hello/,
    });
  });

  test('a host that does not exist and a closed port have different errors', async () => {
    // A name with an empty label fails without a DNS query.
    await assert.rejects(dialDonate('no..host'), { code: 'CONNECT_FAILED', message: 'There is no host "no..host".' });
    await assert.rejects(dialDonate('127.0.0.1:1'), {
      code: 'CONNECT_FAILED',
      message: '127.0.0.1:1 refused the connection: is `shoal donate` running there?',
    });
  });

  test('the error for an IPv6 address without brackets has the right form', async () => {
    await assert.rejects(dialDonate('::1'), { code: 'INVALID_REQUEST', message: /\[IPV6\]:PORT/ });
  });
});
