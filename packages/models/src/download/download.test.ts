import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isDigest } from '@shoal/files/digest';
import { type Hub, openHub, sha256 } from '../testing/hub.ts';
import { temporaryFolder } from '@shoal/files/testing/temporary-folder';
import { download } from './download.ts';
import { HttpClient } from './http.ts';
import type { DownloadOptions, RemoteFile } from './remote-file.ts';

const PIECE_BYTES = 64 * 1024;
const FILE = Buffer.from(Array.from({ length: 10 * PIECE_BYTES + 7 }, (_, index) => (index * 31 + (index >> 8)) % 251));
const DIGEST = `sha256:${sha256(FILE)}`;

test('a file is fetched in ranges over several connections', async (t) => {
  const { hub, fetch, target } = await setUp(t);
  assert.deepEqual(await fetch(), { digest: DIGEST, bytes: FILE.length });
  assert.ok(readFileSync(target.path).equals(FILE));
  assert.equal(new Set(hub.requests.map(({ range }) => range)).size, 11);
  assert.equal(hub.sentBytes, FILE.length);
});

test('a server without ranges sends the whole file in one response', async (t) => {
  const { hub, fetch, target } = await setUp(t);
  hub.sendsRanges = false;
  assert.deepEqual(await fetch(), { digest: DIGEST, bytes: FILE.length });
  assert.ok(readFileSync(target.path).equals(FILE));
  assert.equal(hub.requests.length, 1);
});

test('ranges are fetched from a server without ETags', async (t) => {
  const { hub, fetch } = await setUp(t);
  hub.sendsEtags = false;
  assert.deepEqual(await fetch(), { digest: DIGEST, bytes: FILE.length });
  assert.equal(hub.sentBytes, FILE.length);
});

test('a file is fetched from a server that sends no length', async (t) => {
  const { hub, fetch } = await setUp(t);
  hub.intercept = (_, response) => {
    response.writeHead(200);
    response.write(FILE.subarray(0, 100));
    response.end(FILE.subarray(100));
    return true;
  };
  assert.deepEqual(await fetch(), { digest: DIGEST, bytes: FILE.length });
});

test('a body without a length has a limit, and nothing of it stays', async (t) => {
  const { hub, fetch, target } = await setUp(t);
  let sent = 0;
  hub.intercept = (_, response) => {
    response.writeHead(200);
    const more = (): void => {
      sent += PIECE_BYTES;
      // Without the limit the body ends at some time.
      if (sent > 100 * PIECE_BYTES) response.end();
      else response.write(FILE.subarray(0, PIECE_BYTES), (error) => (error ? undefined : more()));
    };
    more();
    return true;
  };
  const message = /more than 0 MB of model.gguf without its length/;
  await assert.rejects(fetch({ unsizedBytes: 3 * PIECE_BYTES }), { code: 'BAD_MESSAGE', message });
  await assert.rejects(fetch({}, { bytes: 3 * PIECE_BYTES }), { code: 'BAD_MESSAGE', message: /than it announced/ });
  assert.deepEqual(readdirSync(dirname(target.path)), []);
});

test('a download resumes where its connection was cut', async (t) => {
  for (const sendsRanges of [true, false]) {
    const { hub, fetch, waits } = await setUp(t);
    hub.sendsRanges = sendsRanges;
    let cuts = 0;
    hub.intercept = (request, response) => {
      if (++cuts > 2) return false;
      cutOff(request.headers.range, response, 1_000);
      return true;
    };
    assert.deepEqual(await fetch({ connections: 1 }), { digest: DIGEST, bytes: FILE.length });
    assert.equal(waits.length, 2);
    // The last bytes before the cut may be lost.
    if (sendsRanges) assert.match(hub.requests[1]?.range ?? '', /^bytes=(1000|0)-/);
  }
});

test('a server that always closes the connection ends the download, and the next one resumes', async (t) => {
  const { hub, fetch, waits } = await setUp(t);
  let requests = 0;
  hub.intercept = (_, response) => {
    if (++requests <= 3) return false;
    response.destroy();
    return true;
  };
  await assert.rejects(fetch({ connections: 1 }), { code: 'CONNECT_FAILED' });
  assert.deepEqual(
    waits.map((ms) => Math.floor(Math.log2(ms / 500))),
    [0, 1, 2, 3, 4],
  );
  hub.intercept = () => false;
  assert.deepEqual(await fetch(), { digest: DIGEST, bytes: FILE.length });
  assert.equal(hub.sentBytes, FILE.length, 'nothing is fetched twice');
});

test('a file that changed at its source is fetched again, whether it grew or shrank', async (t) => {
  for (const other of [
    Buffer.alloc(FILE.length, 1),
    Buffer.alloc(PIECE_BYTES + 1, 2),
    Buffer.alloc(2 * FILE.length, 3),
  ]) {
    const { hub, fetch } = await setUp(t);
    let requests = 0;
    hub.intercept = (_, response) => {
      if (++requests <= 4) return false;
      response.writeHead(400).end();
      return true;
    };
    await assert.rejects(fetch({ connections: 1 }), { code: 'BAD_MESSAGE' });
    hub.intercept = () => false;
    hub.files.set('/model.gguf', other);
    assert.deepEqual(await fetch(), { digest: `sha256:${sha256(other)}`, bytes: other.length });
  }
});

test('a file with a wrong digest or length is refused, and nothing of it stays', async (t) => {
  const { fetch, target } = await setUp(t);
  const expected = `sha256:${sha256('another')}`;
  assert.ok(isDigest(expected));
  await assert.rejects(fetch({}, { digest: expected }), { code: 'BAD_MESSAGE', message: /digest is wrong/ });
  assert.throws(() => readFileSync(target.path), { code: 'ENOENT' });
  assert.throws(() => readFileSync(target.statePath), { code: 'ENOENT' });
  await assert.rejects(fetch({}, { bytes: FILE.length + 1 }), { code: 'BAD_MESSAGE', message: /instead of/ });
});

test('contradictory responses are refused', async (t) => {
  const heads: Record<string, string | number>[] = [
    { 'content-range': `bytes 0-9/${FILE.length}`, 'content-length': 11 },
    { 'content-range': `bytes 5-14/${FILE.length}` },
    { 'content-range': 'bytes 0-9/*' },
    { 'content-range': `bytes 0-65535/${2 ** 50}` },
    { 'content-range': `bytes 0-65535/${FILE.length}`, 'content-encoding': 'gzip' },
    {},
  ];
  for (const head of heads) {
    const { hub, fetch } = await setUp(t);
    hub.intercept = (_, response) => {
      response.writeHead(206, head).end(FILE.subarray(0, 11));
      return true;
    };
    await assert.rejects(fetch(), { code: 'BAD_MESSAGE' }, JSON.stringify(head));
  }
});

test('Retry-After is respected if it is short, else the download ends', async (t) => {
  const { hub, fetch, waits } = await setUp(t);
  let busy: string | undefined = '7';
  hub.intercept = (_, response) => {
    if (busy === undefined) return false;
    response.writeHead(429, { 'retry-after': busy }).end();
    busy = undefined;
    return true;
  };
  await fetch();
  assert.deepEqual(waits, [7_000]);
  hub.intercept = (_, response) => {
    response.writeHead(503, { 'retry-after': '3600' }).end();
    return true;
  };
  await assert.rejects(fetch(), { code: 'OVERLOADED', retryAfterMs: 3_600_000 });
});

test('an abort ends a download with its reason, and keeps the received bytes', async (t) => {
  const { hub, fetch } = await setUp(t);
  const abort = new AbortController();
  const reason = new Error('enough');
  const onProgress = (done: number): void => void (done > 2 * PIECE_BYTES && abort.abort(reason));
  await assert.rejects(fetch({ connections: 1, signal: abort.signal, onProgress }), reason);
  assert.deepEqual(await fetch(), { digest: DIGEST, bytes: FILE.length });
  assert.ok(hub.sentBytes <= FILE.length + 2 * PIECE_BYTES);
});

async function setUp(t: TestContext) {
  const hub: Hub = await openHub(t);
  hub.files.set('/model.gguf', FILE);
  const http = new HttpClient({ allowedHosts: [hub.url.host] });
  t.after(() => http.close());
  const folder = temporaryFolder(t);
  const target = { path: join(folder, 'partial'), statePath: join(folder, 'state') };
  const waits: number[] = [];
  const wait = (ms: number): Promise<void> => {
    waits.push(ms);
    return Promise.resolve();
  };
  const file = { url: new URL('model.gguf', hub.url), label: 'model.gguf' };
  const fetch = async (options: DownloadOptions = {}, known: Partial<RemoteFile> = {}) => {
    const found = { ...file, ...known };
    const { digest, bytes } = await download(http, found, target, { pieceBytes: PIECE_BYTES, wait, ...options });
    return { digest, bytes };
  };
  return { hub, target, waits, fetch };
}

/** Announces the whole range, sends only the first `bytes` of it and closes the connection. */
function cutOff(range: string | undefined, response: ServerResponse, bytes: number): void {
  const { first = '0', last = '0' } = /^bytes=(?<first>\d+)-(?<last>\d+)$/.exec(range ?? '')?.groups ?? {};
  const [start, end] = [Number(first), Number(last) + 1];
  response.writeHead(206, {
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${FILE.length}`,
    etag: `"${sha256(FILE).slice(0, 16)}"`,
  });
  response.write(FILE.subarray(start, start + bytes), () => response.destroy());
}
