import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBaseUrl } from './address.ts';

const URLS = {
  'http://127.0.0.1:52415': 'http://127.0.0.1:52415/v1/',
  'http://127.0.0.1:52415/v1': 'http://127.0.0.1:52415/v1/',
  ' gpu.lan:8000 ': 'http://gpu.lan:8000/v1/',
  'https://gpu.lan/api/openai/': 'https://gpu.lan/api/openai/',
  'http://[::1]:9/v1/': 'http://[::1]:9/v1/',
};

test('a base URL ends with a slash, and its default path is /v1', () => {
  for (const [text, url] of Object.entries(URLS)) assert.equal(parseBaseUrl(text).href, url, text);
});

test('an invalid URL is refused, and no error contains a password', () => {
  for (const text of [
    '',
    'ftp://gpu.lan',
    'file:///etc/passwd',
    'gpu.lan:99999',
    'http://a b',
    'http://gpu.lan/?key=x',
  ]) {
    assert.throws(() => parseBaseUrl(text), { code: 'INVALID_REQUEST' }, text);
  }
  for (const text of ['http://dan:secret@gpu.lan', 'http://gpu.lan/v1?key=secret']) {
    assert.throws(
      () => parseBaseUrl(text),
      (error: Error) => !error.message.includes('secret'),
    );
  }
});
