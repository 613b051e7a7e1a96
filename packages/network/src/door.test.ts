import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { messageFramer, ndjsonFramer, type PeerInfo } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import {
  type Credentials,
  type HelloMessage,
  identityOf,
  MAX_REQUEST_BYTES,
  PeerSession,
  PROTOCOL,
} from '@shoal/protocol/shoal';
import { type Connection, type Exchange, Link } from '@shoal/transport';
import { dialTcp } from '@shoal/transport/tcp';
import { dialWebSocket } from '@shoal/transport/websocket';
import { openPeerListener, type PeerListener, type PeerListenerOptions } from './door.ts';

const REQUEST = { input: promptInput('Hi'), sampling: {}, stop: [] };
const doorKey = identityOf(new Uint8Array(32).fill(1)).key;
const client = identityOf(new Uint8Array(32).fill(2));
const opened: PeerListener[] = [];

after(() => Promise.all(opened.map((door) => door.close())));

function helloOf(key: string, name: string): HelloMessage {
  return {
    type: 'peer_hello',
    node_name: name,
    clusters: [],
    supported_models: [],
    protocol: PROTOCOL,
    peer_id: key,
    version: '0.1.0',
    uptime_s: 0,
    roles: ['worker'],
    models: [],
  };
}

async function open(options: Partial<PeerListenerOptions> = {}): Promise<PeerListener> {
  const door = await openPeerListener({
    transport: 'websocket',
    host: '127.0.0.1',
    port: 0,
    hello: () => helloOf(doorKey, 'door'),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 1 }),
    answer: (exchange) => void exchange.send({ type: 'finish', reason: 'stop', rawReason: 'end' }),
    ...options,
  });
  opened.push(door);
  return door;
}

interface Caller {
  readonly link: Link<PeerSession>;
  /** Resolves with the door's next hello or status. */
  readonly nextInfo: () => Promise<PeerInfo>;
  /** Resolves with the error that ended the connection. */
  readonly ended: Promise<Error | undefined>;
}

async function call(door: PeerListener, credentials: Credentials = client): Promise<Caller> {
  const { protocol, hostname: host, port } = new URL(door.address);
  const isTcp = protocol === 'tcp:';
  const limits = { timeoutMs: 10_000, maxPayloadBytes: MAX_REQUEST_BYTES };
  const connection: Connection = await (isTcp
    ? dialTcp({ host, port: Number(port), ...limits })
    : dialWebSocket({ url: door.address, ...limits }));
  const session = new PeerSession({
    framer: isTcp ? ndjsonFramer(MAX_REQUEST_BYTES) : messageFramer(MAX_REQUEST_BYTES),
    hello: () => helloOf(client.key, 'client'),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
    idPrefix: 'client',
    helloOwed: true,
    credentials,
  });
  const ended = Promise.withResolvers<Error | undefined>();
  let next = Promise.withResolvers<PeerInfo>();
  const link = new Link(connection, session, {
    peer(info) {
      // A door sends its status only to peers that it has accepted.
      if (info.status === undefined) return;
      next.resolve(info);
      next = Promise.withResolvers();
    },
    request: () => assert.fail('a door sent a request'),
    close: ended.resolve,
  });
  link.start();
  return { link, nextInfo: () => next.promise, ended: ended.promise };
}

async function codeOf(ended: Promise<Error | undefined>): Promise<string | undefined> {
  const error = await ended;
  return error instanceof ShoalError ? error.code : undefined;
}

for (const transport of ['websocket', 'tcp'] as const) {
  suite(`a listener over ${transport}`, () => {
    test('greets, accepts and answers', async () => {
      const door = await open({ transport });
      const { link, nextInfo } = await call(door);
      assert.equal((await nextInfo()).name, 'door');
      assert.deepEqual(door.status(), { connections: 1, pending: 0 });
      const events = await Array.fromAsync(link.ask(REQUEST));
      assert.deepEqual(
        events.map(({ type }) => type),
        ['finish'],
      );
      link.close();
    });

    test('accepts its token and the keys of its list, and nothing else', async () => {
      const answer = (): void => assert.fail('a refused peer was answered');
      const byToken = await open({ transport, token: 'right', answer });
      const right = await call(byToken, { ...client, token: 'right' });
      await right.nextInfo();
      assert.equal(await codeOf((await call(byToken, { ...client, token: 'wrong' })).ended), 'UNAUTHORIZED');
      assert.equal(await codeOf((await call(byToken)).ended), 'UNAUTHORIZED');
      const byKey = await open({ transport, allowedKeys: [client.key.toUpperCase()], answer });
      const known = await call(byKey);
      await known.nextInfo();
      const stranger = identityOf(new Uint8Array(32).fill(3));
      assert.equal(await codeOf((await call(byKey, stranger)).ended), 'UNAUTHORIZED');
      assert.deepEqual(byToken.status(), { connections: 1, pending: 0 });
      for (const { link } of [right, known]) link.close();
    });

    test('sends changes to all accepted peers', async () => {
      let active = 0;
      const door = await open({ transport, status: () => ({ health: 100, active, queued: 0, slots: 1 }) });
      const { link, nextInfo } = await call(door);
      await nextInfo();
      active = 1;
      const changed = nextInfo();
      door.announceStatus();
      assert.equal((await changed).status?.active, 1);
      const again = nextInfo();
      door.announce();
      assert.equal((await again).name, 'door');
      link.close();
    });

    test('closes its connections and ends their requests when it closes', async () => {
      const running = Promise.withResolvers<Exchange>();
      const door = await open({ transport, answer: running.resolve });
      const { link, nextInfo, ended } = await call(door);
      await nextInfo();
      const answer = Array.fromAsync(link.ask(REQUEST));
      const aborted = Promise.withResolvers<ShoalError>();
      (await running.promise).onAbort(aborted.resolve);
      await Promise.all([door.close(), door.close(), ended, aborted.promise]);
      assert.equal((await answer).at(-1)?.type, 'error');
      assert.deepEqual(door.status(), { connections: 0, pending: 0 });
    });

    test('does not open to other machines without a token or a list', async () => {
      await assert.rejects(open({ transport, host: '0.0.0.0' }), {
        code: 'INVALID_REQUEST',
        message: /SHOAL_WS_TOKEN/,
      });
      const door = await open({ transport, host: '0.0.0.0', token: 'right' });
      assert.match(door.address, /:\/\/0\.0\.0\.0:\d+/);
    });

    test('refuses a port that is in use', async () => {
      const port = Number(new URL((await open({ transport })).address).port);
      await assert.rejects(open({ transport, port }), { code: 'INVALID_REQUEST', message: /port is taken/ });
    });
  });
}

test('an empty token and an invalid key are refused', async () => {
  await assert.rejects(open({ token: '' }), { code: 'INVALID_REQUEST' });
  await assert.rejects(open({ allowedKeys: ['me'] }), { code: 'INVALID_REQUEST', message: /64 hex digits/ });
});

test('connections without a hello are limited in number, and do not keep out one that sends it', async () => {
  const door = await open({ host: '0.0.0.0', token: 'right', transport: 'tcp' });
  const port = Number(new URL(door.address).port);
  const silent: Connection[] = [];
  while (silent.length < 40) silent.push(await dialTcp({ host: '127.0.0.1', port, timeoutMs: 10_000 }));
  const { nextInfo } = await call(door, { ...client, token: 'right' });
  await nextInfo();
  assert.equal(door.status().connections, 1);
  assert.ok(door.status().pending <= 32);
  for (const connection of silent) connection.close();
});
