import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCode, Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

interface Token {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created_at: string;
  readonly expires_at?: string | undefined;
  readonly requests_per_minute?: number | undefined;
}

test('a token is created, listed and revoked without a running node', async (t) => {
  const shoal = new Shoal(join(temporaryFolder(t), 'home'));
  assert.match((await shoal.run(['token', 'list'])).stdout, /No tokens.*shoal token create/);
  const created = await shoal.run(['token', 'create', '--name', "Ann's laptop"]);
  assert.equal(created.code, 0, created.stderr);
  assert.match(created.stdout, /^shoal_[\w-]{43}\n$/);
  assert.match(created.stderr, /shown once.*revoke 'Ann'\\''s laptop'/s);
  assert.ok(!readFileSync(join(shoal.home, 'tokens.json'), 'utf8').includes(created.stdout.trim()));
  assert.match((await shoal.run(['token', 'list'])).stdout, /Ann's laptop +infer,read +\S+ \S+ UTC +never +-/);
  const revoked = await shoal.run(['token', 'revoke', "Ann's laptop"]);
  assert.match(revoked.stdout, /^Revoked Ann's laptop \([0-9a-f]{8}\)\n$/);
  assert.deepEqual((await shoal.json(['token', 'ls'])).document, { tokens: [] });
});

test('scopes, an end and a rate are in the documents, and the secret only in the first', async (t) => {
  const shoal = new Shoal(join(temporaryFolder(t), 'home'));
  const flags = ['--name', 'a', '--scope', 'admin,infer', '--expires', '30d', '--rate', '5'];
  const { document } = await shoal.json(['token', 'create', ...flags]);
  const { token, ...record } = document as Token & { readonly token: string };
  assert.match(token, /^shoal_/);
  assert.deepEqual(record.scopes, ['infer', 'admin']);
  assert.equal(Date.parse(record.expires_at ?? '') - Date.parse(record.created_at), 30 * 86_400_000);
  assert.equal(record.requests_per_minute, 5);
  assert.deepEqual((await shoal.json(['token', 'list'])).document, { tokens: [{ ...record, expired: false }] });
  assert.deepEqual(await shoal.json(['token', 'revoke', record.id]), {
    code: 0,
    document: { id: record.id, name: 'a', revoked: true },
  });
});

test('wrong flags are wrong usage, and a taken name, an unknown token and a broken file are failures', async (t) => {
  const shoal = new Shoal(join(temporaryFolder(t), 'home'));
  for (const flags of [
    ['--scope', 'all'],
    ['--scope', ''],
    ['--expires', '30'],
    ['--expires', '0d'],
    ['--rate', '0'],
  ]) {
    const { code, document } = await shoal.json(['token', 'create', ...flags]);
    assert.deepEqual([code, errorCode(document)], [2, 'INVALID_REQUEST'], flags.join(' '));
  }
  await shoal.run(['token', 'create', '--name', 'a']);
  for (const args of [
    ['create', '--name', 'a'],
    ['revoke', 'b'],
  ]) {
    const { code, document } = await shoal.json(['token', ...args]);
    assert.deepEqual([code, errorCode(document)], [1, 'INVALID_REQUEST'], args.join(' '));
  }
  writeFileSync(join(shoal.home, 'tokens.json'), '{');
  const { code, stderr } = await shoal.run(['token', 'list']);
  assert.equal(code, 1);
  assert.match(stderr, /tokens\.json/);
});
