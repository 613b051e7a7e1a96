import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { lockFile } from '@shoal/files/file-lock';
import { temporaryHome } from '../testing/temporary-home.ts';
import { createToken, listTokens, revokeToken, TOKENS_MAX } from './api-tokens.ts';
import { homeFiles } from './home.ts';
import { tokensText } from './token-file.ts';

const NOW = Date.parse('2026-01-02T03:04:05.000Z');

test('a token is returned once, and the file has only its hash', async (t) => {
  const home = temporaryHome(t);
  const { record, secret } = await createToken(home, { name: 'editor', scopes: ['read', 'infer', 'read'] }, NOW);
  assert.match(secret, /^shoal_[A-Za-z0-9_-]{43}$/);
  assert.match(record.id, /^[0-9a-f]{8}$/);
  assert.deepEqual(record, {
    id: record.id,
    name: 'editor',
    scopes: ['infer', 'read'],
    createdAt: '2026-01-02T03:04:05.000Z',
  });
  const { tokens } = homeFiles(home);
  assert.equal(statSync(tokens).mode & 0o777, 0o600);
  const text = readFileSync(tokens, 'utf8');
  assert.ok(!text.includes(secret) && !text.includes(secret.slice(6)));
  assert.ok(text.includes(createHash('sha256').update(secret).digest('hex')));
});

test('tokens are listed as they were created, with their end and rate', async (t) => {
  const home = temporaryHome(t);
  assert.deepEqual(listTokens(home), []);
  const first = await createToken(home, { scopes: ['admin'], expiresInMs: 60_000, requestsPerMinute: 30 }, NOW);
  const second = await createToken(home, { name: 'b', scopes: ['infer'] }, NOW);
  assert.deepEqual(listTokens(home), [first.record, second.record]);
  assert.equal(first.record.name, first.record.id);
  assert.equal(first.record.expiresAt, '2026-01-02T03:05:05.000Z');
  assert.equal(first.record.requestsPerMinute, 30);
});

test('a token is revoked by its id or its name', async (t) => {
  const home = temporaryHome(t);
  const first = await createToken(home, { name: 'a', scopes: ['infer'] });
  const second = await createToken(home, { name: 'b', scopes: ['infer'] });
  assert.deepEqual(await revokeToken(home, 'a'), first.record);
  assert.deepEqual(await revokeToken(home, second.record.id), second.record);
  assert.deepEqual(listTokens(home), []);
  await assert.rejects(revokeToken(home, 'a'), { code: 'INVALID_REQUEST', message: /no token "a".*shoal token list/ });
});

test('values that are not valid are refused', async (t) => {
  const home = temporaryHome(t);
  const { record } = await createToken(home, { name: 'a', scopes: ['infer'] });
  const scopes = ['infer'] as const;
  const wrong = [
    { name: 'a', scopes },
    { name: record.id, scopes },
    { name: '', scopes },
    { name: 'a\nb', scopes },
    { name: 'x'.repeat(65), scopes },
    { scopes: [] },
    { scopes, expiresInMs: 0 },
    { scopes, expiresInMs: Number.NaN },
    { scopes, expiresInMs: Infinity },
    { scopes, requestsPerMinute: 0.5 },
  ];
  for (const token of wrong) await assert.rejects(createToken(home, token), { code: 'INVALID_REQUEST' });
  assert.deepEqual(listTokens(home), [record]);
});

test('tokens made at the same time are all kept, also while another program holds the lock', async (t) => {
  const home = temporaryHome(t);
  const lock = lockFile(homeFiles(home).tokensLock);
  const creations = ['a', 'b', 'c', 'd'].map((name) => createToken(home, { name, scopes: ['infer'] }));
  lock?.release();
  await Promise.all(creations);
  assert.deepEqual(
    listTokens(home)
      .map(({ name }) => name)
      .toSorted(),
    ['a', 'b', 'c', 'd'],
  );
});

test('a file that other users can read or that is not valid is refused with its path', async (t) => {
  const home = temporaryHome(t);
  const { tokens } = homeFiles(home);
  await createToken(home, { scopes: ['infer'] });
  const valid = readFileSync(tokens, 'utf8');
  chmodSync(tokens, 0o640);
  assert.throws(() => listTokens(home), { code: 'UNAUTHORIZED', message: /tokens\.json.*chmod 600/ });
  await assert.rejects(createToken(home, { scopes: ['infer'] }), { code: 'UNAUTHORIZED' });
  chmodSync(tokens, 0o600);
  const broken = [
    '{',
    '[]',
    '{"tokens":1}',
    valid.replace('infer', 'all'),
    valid.replace(/"sha256": "./, '"sha256": "'),
  ];
  for (const text of broken) {
    writeFileSync(tokens, text);
    assert.throws(() => listTokens(home), { code: 'INVALID_REQUEST', message: /tokens\.json/ }, text);
  }
});

test('a home has a limited number of tokens', async (t) => {
  const home = temporaryHome(t);
  const full = Array.from({ length: TOKENS_MAX }, (_, index) => ({
    record: { id: `id-${index}`, name: `name-${index}`, scopes: ['infer'] as const, createdAt: '2026-01-01T00:00:00Z' },
    hash: Buffer.alloc(32, index),
  }));
  writeFileSync(homeFiles(home).tokens, tokensText(full), { mode: 0o600 });
  await assert.rejects(createToken(home, { scopes: ['infer'] }), { code: 'INVALID_REQUEST', message: /revoke/ });
});
