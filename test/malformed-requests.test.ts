import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { ApiAccess } from '@shoal/host/home/api-file';
import { type ApiAnswer, type ApiRequest, checkErrorForm, checkTellsNothing, send } from './harness/api-request.ts';
import { type Endpoint, ENDPOINTS, malformedBodies } from './harness/malformed-fields.ts';
import { RawSocket } from './harness/raw-socket.ts';
import { TestNetwork } from './harness/test-network.ts';

const LIMIT_BYTES = 16 * 1024 * 1024;
const ROOT = join(import.meta.dirname, '..');

const network = await TestNetwork.open();
after(() => network.close());
const node = await network.start('Node', '--lend', '--model', 'echo');
const { port, token }: ApiAccess = JSON.parse(await readFile(join(node.home, 'api.json'), 'utf8'));
const authorization = `Bearer ${token}`;
/** Paths of this machine that no answer may have. */
const FOLDERS = [node.home, ROOT, homedir(), process.execPath];

type Wrong = Partial<ApiRequest> & { readonly status?: number };

/** Requests whose body is wrong before any field is read, by what is wrong. */
function malformedRequests({ form, body }: Endpoint): Record<string, Wrong> {
  const text = JSON.stringify(body);
  const member = text.slice(1, -1);
  const gzip = { 'content-encoding': 'gzip' };
  return {
    'an empty body': { body: '' },
    'a list': { body: `[${text}]` },
    'a text': { body: '"x"' },
    'a number': { body: '7' },
    null: { body: 'null' },
    'JSON that ends early': { body: text.slice(0, -1) },
    'JSON with more after it': { body: `${text}{}` },
    'a byte order mark and no more': { body: '\uFEFF' },
    NaN: { body: text.replace('{', '{"x":NaN,') },
    'a NUL byte': { body: `${text}\0` },
    'a NUL byte in a text': { body: `{"x":"\0",${member}}` },
    'a duplicate key': { body: `{${member},${member}}` },
    'a duplicate key that is escaped': { body: `{${member},${member.replace(/\w/, (char) => escaped(char))}}` },
    'JSON that is too deep': { body: `{"x":${'['.repeat(10_000)}${']'.repeat(10_000)},${member}}` },
    'JSON that is open and deep': { body: `{"x":${'{"x":'.repeat(100_000)}` },
    'too many items': { body: `{"x":[${'0,'.repeat(1_000_001)}0],${member}}` },
    'invalid UTF-8': {
      body: Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff, 0xc0]), Buffer.from(`",${member}}`)]),
    },
    'half of a surrogate in UTF-8': { body: Buffer.from('7b2278223a22eda0bd227d', 'hex') },
    'broken gzip': { headers: gzip, body: 'not gzip' },
    'gzip that ends early': { headers: gzip, body: gzipSync(text).subarray(0, -9) },
    'broken zstd': { headers: { 'content-encoding': 'zstd' }, body: text },
    'an unknown encoding': { headers: { 'content-encoding': 'compress' }, body: text, status: 415 },
    'a gzip bomb': { headers: gzip, body: BOMB.gzip, status: 413 },
    'a zstd bomb': { headers: { 'content-encoding': 'zstd' }, body: BOMB.zstd, status: 413 },
    'a brotli bomb': { headers: { 'content-encoding': 'br' }, body: BOMB.brotli, status: 413 },
    ...(form !== 'ollama' && {
      'a form': { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b', status: 415 },
      'a plain text': { headers: { 'content-type': 'text/plain' }, body: text, status: 415 },
      'no content type': { headers: { 'content-type': undefined }, body: text, status: 415 },
    }),
  };
}

const huge = Buffer.alloc(LIMIT_BYTES + 1, ' ');
const BOMB = { gzip: gzipSync(huge), zstd: zstdCompressSync(huge), brotli: brotliCompressSync(huge) };

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Sends a request and checks the answer, which must be an error of the client. */
async function refused(
  { form, path, method }: Endpoint,
  { status = 400, headers, ...wrong }: Wrong,
): Promise<ApiAnswer> {
  const answer = await send({ port, path, method, headers: { authorization, ...headers }, ...wrong });
  assert.equal(answer.status, status, answer.text);
  checkErrorForm(form, answer);
  checkTellsNothing(answer, FOLDERS);
  return answer;
}

/** Runs checks that are independent, and throws one error for all that fail. */
async function checkAll(checks: readonly (readonly [string, () => Promise<unknown>])[]): Promise<void> {
  const failed: string[] = [];
  for (const [name, check] of checks) {
    try {
      await check();
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  assert.equal(failed.join('\n'), '');
}

suite('a malformed request is refused in the form of its API', () => {
  for (const endpoint of ENDPOINTS) {
    const fields = malformedBodies(endpoint);
    test(`${endpoint.path}: ${fields.length} fields that are wrong or missing are named`, () =>
      checkAll(
        fields.map(([field, body]) => [
          JSON.stringify(body),
          async () => {
            const { text } = await refused(endpoint, { body: JSON.stringify(body) });
            assert.ok(text.includes(field), `The error does not name ${field}: ${text}`);
          },
        ]),
      ));

    test(`${endpoint.path}: bodies that are not one JSON object within the limits`, () =>
      checkAll(
        Object.entries(malformedRequests(endpoint)).map(([name, wrong]) => [name, () => refused(endpoint, wrong)]),
      ));
  }
});

test('a body that is too large is refused while it is sent', () =>
  checkAll(ENDPOINTS.map((endpoint) => [endpoint.path, () => refused(endpoint, { body: huge, status: 413 })])));

test('methods and paths without a route are refused in the form of their API', () =>
  checkAll(
    ENDPOINTS.flatMap((endpoint) =>
      [
        { method: 'PUT' },
        { method: 'PATCH' },
        { path: `${endpoint.path}/nowhere` },
        { path: `${endpoint.path}?a=%zz&a[]=1`, body: '[]', status: 400 },
        { path: `${endpoint.path}%2F`, body: '{}' },
      ].map((wrong) => [
        `${wrong.method ?? ''} ${wrong.path ?? ''}`,
        () => refused(endpoint, { status: 404, ...wrong }),
      ]),
    ),
  ));

/** Bytes that are no request, or one without a body, and the status of their answers. */
const RAW: Readonly<Record<string, readonly [bytes: string | Buffer, ...statuses: number[]]>> = {
  'an unknown method': ['BREW /v1/models HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a method that no route has': [head('PURGE /v1/models'), 404],
  'a method of WebDAV': [head('PROPFIND /api/tags'), 404],
  TRACE: [head('TRACE /v1/models'), 404],
  'no path': ['GET  HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  'a path without a slash': [head('GET v1/models'), 400, 404],
  'a path with a NUL byte': [head('GET /v1/models/a\0b'), 400],
  'a path with a space': [head('GET /v1/models/a b'), 400],
  'a path with bytes above ASCII': [Buffer.from(head('GET /v1/models/\u00ff'), 'latin1'), 400, 404],
  'a broken percent encoding': [head('GET /v1/models/%zz'), 400],
  'an encoding that is no UTF-8': [head('GET /v1/models/%ff'), 400],
  'an encoded NUL byte': [head('GET /v1/models/%00'), 404],
  'a path that leaves its folder': [head('GET /v1/models/../../../etc/passwd'), 404],
  'an encoded path that leaves its folder': [head('GET /api/%2e%2e/%2e%2e/etc/passwd'), 404],
  'a path of two slashes': [head('GET //evil.example/v1/models'), 404],
  'a path that is too long': [head(`GET /v1/models/${'a'.repeat(100_000)}`), 431],
  'headers that are too large': [head('GET /v1/models', `X-Large: ${'a'.repeat(100_000)}`), 431],
  'a header with a NUL byte': [head('GET /v1/models', 'X-Bad: a\0b'), 400],
  'a header without a colon': [head('GET /v1/models', 'X-Bad'), 400],
  'a header with a space before the colon': [head('GET /v1/models', 'X-Bad : a'), 400],
  'a header in two lines': [head('GET /v1/models', 'X-Bad: a', ' b'), 400],
  'no Host': ['GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n', 403],
  'two Hosts': [head('GET /v1/models', 'Host: evil.example'), 403],
  'a negative length': [head('POST /api/chat', 'Content-Length: -1'), 400],
  'a length that is no number': [head('POST /v1/messages', 'Content-Length: 1e3'), 400],
  'two lengths': [head('POST /v1/messages', 'Content-Length: 1', 'Content-Length: 2'), 400],
  'a length beside chunks': [head('POST /api/chat', 'Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
  'a chunk whose length is no number': [`${head('POST /api/chat', 'Transfer-Encoding: chunked')}zz\r\n`, 400],
  'an unknown transfer encoding': [head('POST /api/chat', 'Transfer-Encoding: gzip'), 400],
  'another version of HTTP': ['GET /v1/models HTTP/9.9\r\nHost: x\r\n\r\n', 400],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  'the hello of TLS': [Buffer.from(`16030100f8010000f40303${'5a'.repeat(240)}`, 'hex'), 400],
};

function head(line: string, ...headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, `Host: 127.0.0.1:${port}`, 'Connection: close', ...headers, '', ''].join('\r\n');
}

test('bytes that are not a valid HTTP request are answered and end their connection', async () => {
  await checkAll(
    Object.entries(RAW).map(([name, [bytes, ...statuses]]) => [
      name,
      async () => {
        const socket = await RawSocket.dial(port);
        socket.send(bytes);
        await socket.isClosed();
        const [top = '', text = ''] = socket.received.split('\r\n\r\n');
        const status = Number(top.split(' ')[1]);
        assert.ok(statuses.includes(status), `${status}: ${socket.received}`);
        assert.ok('error' in JSON.parse(text), text);
        checkTellsNothing({ status, headers: {}, text: top + text }, FOLDERS);
      },
    ]),
  );
});

test('after all of that the node answers, and its log has no error', async () => {
  const { status, text } = await send({
    port,
    path: '/v1/chat/completions',
    body: JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'still there?' }] }),
  });
  assert.equal(status, 200);
  assert.match(text, /still there\?/);
  assert.deepEqual(
    node.log.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  );
});
