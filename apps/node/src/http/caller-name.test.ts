import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerName } from './caller-name.ts';

test('a caller has the name of its program and its token', () => {
  const name = (agent: string | undefined, tokenName?: string): string =>
    callerName({ headers: { 'user-agent': agent }, tokenName });
  assert.deepEqual(
    [name('OpenAI/Python 1.52.0'), name('curl/8.1'), name('node'), name(undefined), name('curl/8.1', 'laptop')],
    ['OpenAI/Python', 'curl', 'node', 'a program', 'laptop (curl)'],
  );
  assert.equal(name(undefined, 'laptop'), 'laptop');
});
