import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { Scope, TokenRecord } from '@shoal/host/home/token-file';
import { checkBind, createAccessGuard, type Decision, type GuardOptions } from './access.ts';

const PORT = 17_002;
const OWN = 'ab'.repeat(32);
const LOCAL = `127.0.0.1:${PORT}`;

const TOKENS: Readonly<Record<string, TokenRecord>> = {
  shoal_infer: record('infer', ['infer']),
  shoal_read: record('read', ['read']),
  shoal_admin: record('admin', ['admin']),
};

function record(name: string, scopes: readonly Scope[]): TokenRecord {
  return { id: name, name, scopes, createdAt: '2026-01-01T00:00:00Z' };
}

const OPTIONS: GuardOptions = {
  ownToken: OWN,
  tokens: { find: (bearer) => TOKENS[bearer] },
  host: '127.0.0.1',
  machineName: 'Box',
  apiHosts: ['api.example.org', '10.9.8.7'],
  apiOrigins: ['https://page.example.org', 'http://localhost:3000', 'vscode-webview://*', 'tauri://localhost'],
};

const local = createAccessGuard(OPTIONS);
const open = createAccessGuard({ ...OPTIONS, host: '0.0.0.0' });

type Call = IncomingHttpHeaders & { readonly method?: string };

function decide(guard: typeof local, { method = 'GET', ...headers }: Call, needed: Scope | 'none' = 'infer'): Decision {
  const all = { host: LOCAL, ...headers };
  const rawHeaders = Object.entries(all).flatMap(([name, value]) => [name, String(value)]);
  return guard({ method, headers: all, rawHeaders, port: PORT }, needed);
}

/** `accepted`, `preflight`, or the status of a refusal. */
function outcome(...args: Parameters<typeof decide>): string | number {
  const decision = decide(...args);
  return decision.type === 'refused' ? decision.status : decision.type;
}

const admin = { authorization: 'Bearer shoal_admin' };

test('on loopback only loopback names with the port are hosts, and the names of apiHosts', () => {
  for (const host of [LOCAL, `localhost:${PORT}`, `LOCALHOST:${PORT}`, `[::1]:${PORT}`, `127.9.9.9:${PORT}`]) {
    assert.equal(outcome(local, { host }), 'accepted', host);
  }
  const foreign = [
    '',
    '127.0.0.1',
    '127.0.0.1:80',
    `127.0.0.1:${PORT}0`,
    `evil.example:${PORT}`,
    `localhost.evil.example:${PORT}`,
    `localhost.:${PORT}`,
    `user@localhost:${PORT}`,
    `::1:${PORT}`,
    `[::1`,
    `192.168.1.2:${PORT}`,
    `box:${PORT}`,
    `0.0.0.0:${PORT}`,
  ];
  for (const host of foreign) assert.equal(outcome(local, { host, ...admin }), 403, host);
  for (const host of ['api.example.org', 'API.example.org:443', '10.9.8.7:1']) {
    assert.equal(outcome(local, { host, ...admin }), 'accepted', host);
  }
});

test('on other addresses every address and the names of the machine are hosts, with the port', () => {
  const own = ['127.0.0.1', '192.168.1.2', '[fe80::1]', '[::1]', '8.8.8.8', 'box', 'BOX.local', 'localhost'];
  for (const name of own) {
    assert.equal(outcome(open, { host: `${name}:${PORT}`, ...admin }), 'accepted', name);
    assert.equal(outcome(open, { host: name, ...admin }), 403, name);
  }
  for (const name of ['evil.example', 'box.evil.example', '1.2.3', '[fe80::x]', 'fe80::1']) {
    assert.equal(outcome(open, { host: `${name}:${PORT}`, ...admin }), 403, name);
  }
  const named = createAccessGuard({ ...OPTIONS, host: 'Lan.example' });
  assert.equal(outcome(named, { host: `lan.example:${PORT}`, ...admin }), 'accepted');
});

test('a host without a port means port 80', () => {
  const headers = { host: 'localhost' };
  assert.equal(local({ method: 'GET', headers, rawHeaders: [], port: 80 }, 'infer').type, 'accepted');
});

test('a second Host or Authorization header is refused, although Node hides it', async (t) => {
  const server = createServer(({ method = '', headers, rawHeaders }, response) => {
    const decision = local({ method, headers, rawHeaders, port: PORT }, 'infer');
    response.writeHead(decision.type === 'refused' ? decision.status : 200, { connection: 'close' }).end();
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const statusOf = async (...lines: readonly string[]): Promise<string | undefined> => {
    const socket = connect(address.port, '127.0.0.1');
    socket.end(['GET / HTTP/1.1', `Host: ${LOCAL}`, ...lines, '', ''].join('\r\n'));
    const parts = (await socket.setEncoding('utf8').toArray()) as string[];
    return parts.join('').split(' ')[1];
  };
  assert.equal(await statusOf('X-Host: a', 'X-Other: host'), '200');
  assert.equal(await statusOf('hOST: evil.example'), '403');
  assert.equal(await statusOf('Authorization: Bearer a', 'authorization: Bearer shoal_admin'), '403');
});

test('foreign origins are refused, and those of this API and of apiOrigins are accepted', () => {
  const accepted = [
    `http://${LOCAL}`,
    `http://localhost:${PORT}`,
    'https://page.example.org',
    'http://localhost:3000',
    'vscode-webview://0a1b2c',
    'tauri://localhost',
  ];
  for (const origin of accepted) assert.equal(outcome(local, { origin, 'sec-fetch-site': 'cross-site' }), 'accepted');
  const foreign = [
    'null',
    '',
    '*',
    `https://${LOCAL}`,
    'http://127.0.0.1',
    'http://localhost:3001',
    'http://page.example.org',
    'https://page.example.org.evil.example',
    'https://page.example.org, https://page.example.org',
    'tauri://elsewhere',
    'vscode-webview',
    `http://evil.example:${PORT}`,
  ];
  for (const origin of foreign) assert.equal(outcome(local, { origin, ...admin }), 403, origin);
});

test('a page of another machine on the same port is foreign', () => {
  const host = `192.168.1.2:${PORT}`;
  assert.equal(outcome(open, { host, origin: `http://${host}`, ...admin }), 'accepted');
  assert.equal(outcome(open, { host, origin: `http://6.6.6.6:${PORT}`, ...admin }), 403);
  assert.equal(outcome(open, { host, origin: `http://localhost:${PORT}`, ...admin }), 403);
  const behindProxy = { host: 'api.example.org', ...admin };
  assert.equal(outcome(local, { ...behindProxy, origin: 'https://api.example.org' }), 'accepted');
  assert.equal(outcome(local, { ...behindProxy, origin: 'https://api.example.org:1' }), 403);
});

test('a call that another page causes without an Origin is refused', () => {
  for (const site of ['cross-site', 'same-site', 'none, cross-site']) {
    assert.equal(outcome(local, { 'sec-fetch-site': site, ...admin }), 403, site);
  }
  for (const site of ['same-origin', 'none'])
    assert.equal(outcome(local, { 'sec-fetch-site': site }), 'accepted', site);
});

const ASK = { method: 'OPTIONS', origin: 'http://localhost:3000', 'access-control-request-method': 'POST' };

test('a preflight of an accepted page is answered without a token, with the headers that it asks for', () => {
  const requested = 'authorization, content-type,x-stainless-os';
  assert.deepEqual(
    decide(open, {
      ...ASK,
      'access-control-request-headers': requested,
      'access-control-request-private-network': 'true',
    }),
    {
      type: 'preflight',
      status: 204,
      headers: {
        'access-control-allow-origin': 'http://localhost:3000',
        'access-control-expose-headers':
          'X-Request-Id, request-id, X-Shoal-Worker, X-Shoal-Model-Digest, X-Shoal-Privacy, X-Shoal-Attempts, X-Shoal-Auto, Retry-After',
        vary: 'Origin',
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': requested,
        'access-control-allow-private-network': 'true',
        'access-control-max-age': '600',
      },
    },
  );
  const { headers } = decide(open, ASK);
  assert.ok(!('access-control-allow-headers' in headers || 'access-control-allow-private-network' in headers));
});

test('a preflight of a foreign page, host or with headers that are none is refused without CORS headers', () => {
  const wrong = [
    { origin: 'http://evil.example' },
    { host: `evil.example:${PORT}` },
    { 'access-control-request-headers': 'a b' },
    { 'access-control-request-headers': 'a,,b' },
    { 'access-control-request-headers': 'a\u00e9' },
    { 'access-control-request-headers': 'a,'.repeat(3_000) },
  ];
  for (const headers of wrong) {
    const decision = decide(local, { ...ASK, ...headers });
    assert.equal(decision.type === 'refused' && decision.status, 403, JSON.stringify(headers));
    assert.deepEqual(decision.headers, {});
  }
  assert.equal(outcome(open, { method: 'OPTIONS', 'access-control-request-method': 'POST' }), 401);
  assert.equal(outcome(open, { method: 'OPTIONS', origin: ASK.origin }), 401);
});

test('answers to an accepted page may be read by it, errors of the token included', () => {
  const { origin } = ASK;
  for (const decision of [decide(local, { origin }), decide(local, { origin, authorization: 'Bearer shoal_no' })]) {
    assert.equal(decision.headers['access-control-allow-origin'], origin);
    assert.equal(decision.headers['vary'], 'Origin');
  }
  assert.deepEqual(decide(local, {}).headers, {});
});

test('on loopback infer and read are open to any bearer but a wrong one of Shoal', () => {
  const bearers = [undefined, 'Bearer ollama', 'Bearer sk-local', 'Basic shoal_infer', 'Bearer', `Bearer ${OWN}0`];
  for (const authorization of bearers) {
    const call = authorization === undefined ? {} : { authorization };
    for (const scope of ['infer', 'read', 'none'] as const) assert.equal(outcome(local, call, scope), 'accepted');
    assert.equal(outcome(local, call, 'admin'), 401, authorization);
  }
  for (const scope of ['infer', 'read', 'admin'] as const) {
    assert.equal(outcome(local, { authorization: 'Bearer shoal_unknown' }, scope), 401);
    assert.equal(outcome(local, { 'x-api-key': 'shoal_unknown' }, scope), 401);
  }
});

test('a token has its scopes and no others', () => {
  const scopes = ['infer', 'read', 'admin', 'none'] as const;
  const rights = Object.keys(TOKENS).flatMap((secret) =>
    [local, open].map((guard) => scopes.map((scope) => outcome(guard, { authorization: `Bearer ${secret}` }, scope))),
  );
  const [infer, read, all] = [
    ['accepted', 403, 403, 'accepted'],
    [403, 'accepted', 403, 'accepted'],
    ['accepted', 'accepted', 'accepted', 'accepted'],
  ];
  assert.deepEqual(rights, [infer, infer, read, read, all, all]);
  const decision = decide(local, { authorization: 'bearer  shoal_infer' });
  assert.deepEqual(decision.type === 'accepted' && decision.token, TOKENS['shoal_infer']);
});

test('a token is found in x-api-key too, also beside a dummy bearer', () => {
  assert.equal(outcome(open, { 'x-api-key': 'shoal_infer' }), 'accepted');
  assert.equal(outcome(open, { 'x-api-key': 'shoal_infer', authorization: 'Bearer dummy' }), 'accepted');
  assert.equal(outcome(open, { 'x-api-key': 'dummy', authorization: 'Bearer shoal_infer' }), 'accepted');
});

test('the node’s own token may do everything', () => {
  for (const guard of [local, open]) {
    const decision = decide(guard, { authorization: `Bearer ${OWN}` }, 'admin');
    assert.deepEqual(decision, { type: 'accepted', scopes: ['infer', 'read', 'admin'], headers: {} });
  }
});

test('without a loopback address or name every call needs a token, except those that need none anywhere', () => {
  assert.equal(outcome(open, {}, 'none'), 'accepted');
  assert.equal(outcome(open, { host: `evil.example:${PORT}` }, 'none'), 403);
  for (const scope of ['infer', 'read', 'admin'] as const) {
    assert.equal(outcome(open, {}, scope), 401);
    assert.equal(outcome(open, { authorization: 'Bearer ollama' }, scope), 401);
    assert.equal(outcome(local, { host: 'api.example.org' }, scope), 401);
  }
  assert.equal(decide(open, {}).headers['www-authenticate'], 'Bearer');
});

test('an address that other machines reach needs a token before it is opened', () => {
  for (const host of ['127.0.0.1', '::1', 'localhost']) checkBind(host, { hasTokens: false });
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'box']) {
    checkBind(host, { hasTokens: true });
    assert.throws(() => checkBind(host, { hasTokens: false }), {
      code: 'INVALID_REQUEST',
      message: /shoal token create/,
    });
  }
});
