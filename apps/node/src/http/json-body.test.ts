import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { API_BODY_LIMIT_BYTES } from '../api.ts';
import { HttpError } from './http-error.ts';
import { readJsonBody } from './json-body.ts';

const BODY = Buffer.from('{"a":["ü",1]}');
const statusOf = (status: number) => (thrown: unknown) => thrown instanceof HttpError && thrown.status === status;

test('a body is one JSON object, and an empty one is an empty object', async () => {
  assert.deepEqual(await readJsonBody(BODY, undefined), { value: { a: ['ü', 1] }, bytes: BODY.length });
  assert.deepEqual(await readJsonBody(Buffer.alloc(0), undefined), { value: {}, bytes: 0 });
});

test('compressed bodies are read, and their size is the size of the text', async () => {
  const compressed = {
    gzip: gzipSync(BODY),
    deflate: deflateSync(BODY),
    br: brotliCompressSync(BODY),
    ZSTD: zstdCompressSync(BODY),
    identity: BODY,
  };
  for (const [encoding, bytes] of Object.entries(compressed)) {
    assert.deepEqual(await readJsonBody(bytes, encoding), { value: { a: ['ü', 1] }, bytes: BODY.length }, encoding);
  }
});

test('a body that grows beyond the limit is refused with status 413', async () => {
  const bomb = gzipSync(Buffer.alloc(API_BODY_LIMIT_BYTES + 1, 0x20));
  await assert.rejects(readJsonBody(bomb, 'gzip'), statusOf(413));
});

test('an unknown encoding has status 415', async () => {
  await assert.rejects(readJsonBody(BODY, 'compress'), statusOf(415));
  await assert.rejects(readJsonBody(BODY, 'gzip, gzip'), statusOf(415));
});

test('anything but valid JSON in valid UTF-8 is an invalid request', async () => {
  const wrong: readonly [Buffer, string?][] = [
    [Buffer.from('[]')],
    [Buffer.from('{"a":1,"a":2}')],
    [Buffer.from('{"a":'.repeat(40) + '1' + '}'.repeat(40))],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    [Buffer.from('{')],
    [BODY, 'gzip'],
  ];
  for (const [bytes, encoding] of wrong) {
    await assert.rejects(readJsonBody(bytes, encoding), { code: 'INVALID_REQUEST' }, bytes.toString());
  }
});
