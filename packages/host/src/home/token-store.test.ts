import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ShoalError } from '@shoal/protocol/error';
import { temporaryHome } from '../testing/temporary-home.ts';
import { createToken, revokeToken } from './api-tokens.ts';
import { homeFiles, type Home } from './home.ts';
import { allows } from './token-file.ts';
import { TokenStore } from './token-store.ts';

function open(home: Home): { store: TokenStore; errors: ShoalError[]; clock: { now: number } } {
  const errors: ShoalError[] = [];
  const clock = { now: 0 };
  const store = new TokenStore(home, { onError: (error) => errors.push(error), now: () => clock.now });
  return { store, errors, clock };
}

test('a token is found by its secret, and every other text is not', async (t) => {
  const home = temporaryHome(t);
  const { record, secret } = await createToken(home, { name: 'a', scopes: ['infer'] });
  const other = await createToken(home, { name: 'b', scopes: ['read'] });
  const { store } = open(home);
  assert.deepEqual(store.find(secret), record);
  assert.deepEqual(store.find(other.secret), other.record);
  for (const wrong of ['', 'shoal_', 'ollama', `${secret}0`, secret.slice(0, -1), secret.slice(6), record.id]) {
    assert.equal(store.find(wrong), undefined, wrong);
  }
});

test('a new token works and a revoked one stops working with the next look-up', async (t) => {
  const home = temporaryHome(t);
  const { store } = open(home);
  assert.equal(store.hasTokens, false);
  const { record, secret } = await createToken(home, { scopes: ['infer'] });
  assert.deepEqual(store.find(secret), record);
  assert.equal(store.hasTokens, true);
  await revokeToken(home, record.id);
  assert.equal(store.find(secret), undefined);
  assert.equal(store.hasTokens, false);
});

test('a token stops working at its end', async (t) => {
  const home = temporaryHome(t);
  const { store, clock } = open(home);
  const { secret } = await createToken(home, { scopes: ['infer'], expiresInMs: 1_000 }, clock.now);
  clock.now = 999;
  assert.equal(store.find(secret)?.scopes.length, 1);
  clock.now = 1_000;
  assert.equal(store.find(secret), undefined);
  assert.equal(store.hasTokens, false);
});

test('a file that becomes unusable makes every token invalid and is reported once', async (t) => {
  const home = temporaryHome(t);
  const { tokens } = homeFiles(home);
  const { secret } = await createToken(home, { scopes: ['infer'] });
  const { store, errors } = open(home);
  chmodSync(tokens, 0o644);
  assert.equal(store.find(secret), undefined);
  assert.equal(store.find(secret), undefined);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['UNAUTHORIZED'],
  );
  chmodSync(tokens, 0o600);
  assert.ok(store.find(secret));
  writeFileSync(tokens, '{');
  assert.equal(store.find(secret), undefined);
  assert.equal(errors.length, 2);
  rmSync(tokens);
  assert.equal(store.find(secret), undefined);
  assert.equal(errors.length, 2);
});

test('a file that is not valid at the start is an error with its path', async (t) => {
  const home = temporaryHome(t);
  writeFileSync(homeFiles(home).tokens, 'nothing', { mode: 0o600 });
  assert.throws(() => open(home), { code: 'INVALID_REQUEST', message: /tokens\.json/ });
});

test('the scope admin includes the others', () => {
  assert.ok(allows(['admin'], 'infer') && allows(['admin'], 'read') && allows(['read'], 'read'));
  assert.ok(!allows(['infer', 'read'], 'admin') && !allows(['infer'], 'read') && !allows([], 'infer'));
});
