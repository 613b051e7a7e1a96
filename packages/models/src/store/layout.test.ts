import assert from 'node:assert/strict';
import { dirname, join, sep } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDigest, parseDigest } from '@shoal/files/digest';
import { Layout } from './layout.ts';
import { nameFrom, parseName } from './name.ts';

const ROOT = join(sep, 'home', 'models');

const HOSTILE = [
  '../etc/passwd',
  'a/../../b',
  'a/..',
  '..',
  '.hidden',
  '/etc/passwd',
  'C:\\windows\\win.ini',
  'a\\..\\b',
  'a\0b',
  'a b',
  'a%2f..',
  'ａ',
  'a\u202eb',
  'a/',
  '/a',
  'a//b',
  'a:b:c',
  'a:',
  ':b',
  '',
  'a/b/c/d/e',
  'x'.repeat(400),
  `sha256:${'0'.repeat(64)}`,
  'SHA256:x',
];

test('names that could lead out of the store are refused', () => {
  for (const name of HOSTILE) assert.throws(() => parseName(name), { code: 'INVALID_REQUEST' }, name);
});

test('names are parsed as in Ollama', () => {
  assert.equal(parseName('llama3.2'), 'llama3.2:latest');
  assert.equal(parseName('llama3.2:1b'), 'llama3.2:1b');
  assert.equal(parseName('hf.co/owner/repo_GGUF:Q4_K_M'), 'hf.co/owner/repo_GGUF:Q4_K_M');
});

test('any text as a name gets a file in the folder of names, called by its SHA-256', () => {
  const layout = new Layout(ROOT);
  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...HOSTILE, 'CON', 'nul.txt', 'aux:1', 'LPT1'));
  fc.assert(
    fc.property(texts, (text) => {
      const path = layout.name(text);
      assert.equal(dirname(path), layout.names);
      assert.match(path.slice(layout.names.length + 1), /^[0-9a-f]{64}\.json$/);
      assert.match(parseName(nameFrom(text)), /^[A-Za-z0-9][A-Za-z0-9._-]*:latest$/);
    }),
  );
  assert.equal(layout.name('Llama:1B'), layout.name('llama:1b'), 'on every file system');
});

test('only a digest becomes the path of a blob', () => {
  const layout = new Layout(ROOT);
  const digest = parseDigest(`sha256:${'ab'.repeat(32)}`);
  assert.equal(layout.blob(digest), join(ROOT, 'blobs', `sha256-${'ab'.repeat(32)}`));
  for (const text of [
    'sha256:',
    `sha256:${'AB'.repeat(32)}`,
    `sha256:${'../'.repeat(21)}x`,
    `sha256:${'ab'.repeat(32)}\n`,
  ]) {
    assert.equal(isDigest(text), false);
    // Circumvents the type, to test the check at run time.
    const blob: (checked: never) => string = (checked) => layout.blob(checked);
    assert.throws(() => Reflect.apply(blob, undefined, [text]), { code: 'INVALID_REQUEST' });
    assert.throws(() => layout.incoming(text), { code: 'INTERNAL' });
    assert.throws(() => layout.lock(text), { code: 'INTERNAL' });
  }
});
