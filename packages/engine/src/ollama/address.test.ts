import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ADDRESS, parseAddress } from './address.ts';

const URLS = {
  '': 'http://127.0.0.1:11434/',
  ' gpu.lan ': 'http://gpu.lan:11434/',
  'gpu.lan:80': 'http://gpu.lan/',
  ':8080': 'http://127.0.0.1:8080/',
  '::1': 'http://[::1]:11434/',
  '[::1]:9': 'http://[::1]:9/',
  '0.0.0.0': 'http://127.0.0.1:11434/',
  'http://gpu.lan': 'http://gpu.lan/',
  'https://gpu.lan/ollama': 'https://gpu.lan/ollama/',
  [DEFAULT_ADDRESS]: 'http://127.0.0.1:11434/',
};

test('an address is read as Ollama reads OLLAMA_HOST', () => {
  for (const [text, url] of Object.entries(URLS)) assert.equal(parseAddress(text).href, url, text);
});

test('an invalid address is refused, and no error contains a password', () => {
  for (const text of ['ftp://gpu.lan', 'file:///etc/passwd', 'gpu.lan:99999', 'http://a b', 'gpu.lan/?q']) {
    assert.throws(() => parseAddress(text), { code: 'INVALID_REQUEST' }, text);
  }
  assert.throws(
    () => parseAddress('http://dan:secret@gpu.lan'),
    (error: Error) => !error.message.includes('secret'),
  );
});
