import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import type { Connection } from '../connection.ts';
import { connectionContract, type ConnectionPair } from '../contracts/index.ts';
import { Recorder } from '../contracts/recorder.ts';
import type { Listener } from '../listen.ts';
import { dialWebSocket as dialInPage } from './websocket.browser.ts';
import { WebSocketConnection } from './connection.ts';
import { dialWebSocket, listenWebSocket, type WebSocketListenOptions } from './websocket.ts';

const PATH = '/door';
const MEBIBYTE = 1024 * 1024;

interface Open {
  readonly listener: Listener;
  readonly port: number;
  readonly url: string;
  /** Resolves with the next connection. */
  readonly next: () => Promise<Connection>;
}

async function listen(options: Partial<WebSocketListenOptions> = {}): Promise<Open> {
  const arrived: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const listener = await listenWebSocket({
    host: '127.0.0.1',
    port: 0,
    path: PATH,
    maxConnections: 16,
    maxPayloadBytes: 16 * MEBIBYTE,
    ...options,
    onConnection: (connection, seat) => {
      seat.keep();
      const resolve = waiting.shift();
      if (resolve === undefined) arrived.push(connection);
      else resolve(connection);
    },
  });
  const { port } = listener.address();
  return {
    listener,
    port,
    url: `ws://127.0.0.1:${port}${PATH}`,
    next() {
      const connection = arrived.shift();
      return connection === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(connection);
    },
  };
}

async function pair(dialler: typeof dialWebSocket): Promise<ConnectionPair> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false });
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `ws://127.0.0.1:${address.port}`;
  const [a, [ws, { socket }]] = await Promise.all([
    dialler({ url, timeoutMs: 10_000, maxPayloadBytes: 16 * MEBIBYTE }),
    once(server, 'connection'),
  ]);
  return {
    a,
    b: new WebSocketConnection({ ws, socket, address: 'client', initiator: false }),
    vanish: () => socket.resetAndDestroy(),
    async close() {
      socket.destroy();
      server.close();
      await once(server, 'close');
      a.close();
    },
  };
}

connectionContract('websocket', () => pair(dialWebSocket), { isText: true });

connectionContract('websocket in a page', () => pair(dialInPage), {
  isText: true,
  skips: {
    'one end is the initiator, and both ends have the same flow':
      'a page cannot stop reading its WebSocket, a server can',
    'a peer that does not read costs a bounded amount of memory': 'the reader is a server, which is tested above',
  },
});

suite('a WebSocket listener', () => {
  test('accepts connections and closes them when it closes', async () => {
    const { listener, url, next } = await listen();
    const client = new Recorder(await dial(url));
    const served = new Recorder(await next());
    assert.deepEqual([served.connection.remote.initiator, served.connection.remote.transport], [false, 'websocket']);
    await listener.close();
    await Promise.all([client.closed(), served.closed()]);
    assert.deepEqual([client.error, served.error], [undefined, undefined]);
  });

  test('refuses a connection beyond its limit until another has closed', async () => {
    const { listener, url, next } = await listen({ maxConnections: 1 });
    const first = new Recorder(await dial(url));
    const served = new Recorder(await next());
    await assert.rejects(dial(url), { code: 'CONNECT_FAILED' });
    served.connection.close();
    await Promise.all([first.closed(), served.closed()]);
    new Recorder(await dial(url));
    await listener.close();
  });

  test('the error for a taken port has the port and what to do', async () => {
    const { listener, port } = await listen();
    await assert.rejects(listen({ port }), { code: 'INVALID_REQUEST', message: /choose another port/ });
    await listener.close();
  });

  test('headers beyond the limit end the handshake', async () => {
    const { listener, port } = await listen();
    const socket = connect({ host: '127.0.0.1', port });
    socket.write(`GET ${PATH} HTTP/1.1\r\nX: ${'x'.repeat(16 * 1024)}`);
    assert.match(await readToEnd(socket), /^HTTP\/1\.1 431 /);
    await listener.close();
  });

  test('plain HTTP is answered with 426, and another path with 404', async () => {
    const { listener, port } = await listen();
    assert.deepEqual(await get(port, PATH), { status: 426, upgrade: 'websocket' });
    assert.deepEqual(await get(port, '/'), { status: 404, upgrade: undefined });
    assert.equal(await statusOf(`ws://127.0.0.1:${port}/elsewhere`), 404);
    await listener.close();
  });

  test('a message that is too long ends the connection at its header', async () => {
    const { listener, url, next } = await listen({ maxPayloadBytes: 1_000 });
    const client = new WebSocket(url);
    await once(client, 'open');
    const served = new Recorder(await next());
    client.send('x'.repeat(1_001));
    const [code] = await once(client, 'close');
    await served.closed();
    assert.equal(code, 1009);
    assert.ok(served.error !== undefined);
    assert.equal(served.bytes().length, 0);
    await listener.close();
  });

  test('a first message that is too long ends the connection before it is complete', async () => {
    const { listener, url, next } = await listen({ maxFirstMessageBytes: 1_000 });
    const client = new WebSocket(url);
    await once(client, 'open');
    const served = new Recorder(await next());
    // The first frame of a message that has more.
    client.send('x'.repeat(5_000), { fin: false });
    const [code] = await once(client, 'close');
    await served.closed();
    assert.equal(code, 1009);
    await listener.close();
  });

  test('later messages may be longer than the first', async () => {
    const { listener, url, next } = await listen({ maxFirstMessageBytes: 1_000 });
    const client = await dial(url);
    const served = new Recorder(await next());
    client.send(new Uint8Array(1_000));
    client.send(new Uint8Array(100_000));
    await served.received(101_000);
    assert.equal(served.bytes().length, 101_000);
    await listener.close();
  });

  test('a binary message ends the connection', async () => {
    const { listener, url, next } = await listen();
    const client = new WebSocket(url);
    await once(client, 'open');
    const served = new Recorder(await next());
    client.send(Buffer.from('{}'));
    const [code] = await once(client, 'close');
    await served.closed();
    assert.equal(code, 1003);
    assert.equal(served.bytes().length, 0);
    await listener.close();
  });

  test('a peer that vanishes is reported with an error', async () => {
    const { listener, url, next } = await listen();
    const client = new WebSocket(url);
    await once(client, 'open');
    const served = new Recorder(await next());
    client.terminate();
    await served.closed();
    assert.ok(served.error !== undefined);
    await listener.close();
  });

  test('compression is not negotiated', async () => {
    const { listener, url } = await listen();
    const client = new WebSocket(url, { perMessageDeflate: true });
    await once(client, 'open');
    assert.equal(client.extensions, '');
    client.terminate();
    await listener.close();
  });
});

suite('Host and Origin', () => {
  const cases: readonly [string, Partial<WebSocketListenOptions>, Record<string, string>, number][] = [
    ['a name of this machine', {}, { host: 'localhost:1' }, 101],
    ['an IPv6 loopback address', {}, { host: '[::1]:17003' }, 101],
    ['a foreign name that resolves to this machine', {}, { host: 'evil.example' }, 403],
    ['a name that only begins like a local one', {}, { host: 'localhost.evil.example' }, 403],
    ['a configured name', { allowedHosts: ['Shoal.example'] }, { host: 'shoal.example' }, 101],
    ['an IP address, if the listener binds a loopback address', {}, { host: '192.168.1.5:17003' }, 403],
    ['an IP address, if it binds another address', { host: '0.0.0.0' }, { host: '192.168.1.5:17003' }, 101],
    ['a page of this machine', {}, { origin: 'http://localhost:5173' }, 101],
    [
      'a page of the same host',
      { allowedHosts: ['a.example'] },
      { host: 'a.example', origin: 'https://a.example' },
      101,
    ],
    ['a foreign page', {}, { origin: 'https://evil.example' }, 403],
    ['a page without an origin', {}, { origin: 'null' }, 403],
    ['a page in the list of origins', { allowedOrigins: ['https://a.example'] }, { origin: 'https://a.example' }, 101],
    [
      'a page that is not in the list of origins',
      { allowedOrigins: ['https://a.example'] },
      { origin: 'http://localhost' },
      403,
    ],
  ];
  for (const [what, options, headers, expected] of cases) {
    test(`${what}: ${expected}`, async () => {
      const { listener, port } = await listen(options);
      assert.equal(await statusOf(`ws://127.0.0.1:${port}${PATH}`, headers), expected);
      await listener.close();
    });
  }
});

suite('dialling', () => {
  for (const [where, dialler] of [
    ['a program', dialWebSocket],
    ['a page', dialInPage],
  ] as const) {
    test(`${where} that reaches no server fails with CONNECT_FAILED`, async () => {
      const { listener, url } = await listen();
      await listener.close();
      await assert.rejects(dialler({ url, timeoutMs: 10_000, maxPayloadBytes: 1_000 }), { code: 'CONNECT_FAILED' });
    });
  }

  test('the error for a server without WebSockets has its HTTP status', async () => {
    const { listener, port } = await listen();
    await assert.rejects(dial(`ws://127.0.0.1:${port}/`), { code: 'CONNECT_FAILED', message: /answered 404/ });
    await listener.close();
  });
});

function dial(url: string): Promise<Connection> {
  return dialWebSocket({ url, timeoutMs: 10_000, maxPayloadBytes: MEBIBYTE });
}

/** Returns the HTTP status of an attempt to open a WebSocket; 101 if it opens. */
async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const client = new WebSocket(url, { headers });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    client.once('open', () => resolve(101));
    client.once('unexpected-response', (_request, response) => resolve(response.statusCode));
    client.once('error', reject);
  });
  client.on('error', () => undefined);
  client.terminate();
  return status;
}

async function get(port: number, path: string): Promise<{ status: number | undefined; upgrade: unknown }> {
  const sent = request({ host: '127.0.0.1', port, path });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  return { status: response.statusCode, upgrade: response.headers.upgrade };
}

/** Returns everything that a raw socket receives until its end. */
async function readToEnd(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', (bytes) => (received += String(bytes)));
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return received;
}
