import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequest, receive, reasonOf } from './contracts/answers.ts';
import { engineContract } from './contracts/index.ts';
import { createEcho } from './echo.ts';

const LONG = Array.from({ length: 300 }, (_, index) => `word${index}`).join(' ');

engineContract('echo', async () => createEcho(), { short: 'Hello, world!', long: LONG });

test('the answer is the last message of the user, word by word, unchanged', async () => {
  const content = ' two  spaces,\na line and 🐟 ';
  const messages = [
    { role: 'user', content: 'first' },
    { role: 'assistant', content: 'first' },
    { role: 'user', content },
  ] as const;
  const received = await receive(createEcho(), createRequest('', { input: { type: 'messages', messages } }));
  assert.equal(received.text, content);
  assert.equal(received.pieces, 7);
});

test('tokens are answered as their numbers', async () => {
  const received = await receive(createEcho(), createRequest('', { input: { type: 'tokens', tokens: [1, 20, 300] } }));
  assert.equal(received.text, '1 20 300');
});

test('the answer is no faster than tokensPerSecond', async () => {
  const began = performance.now();
  await receive(createEcho({ tokensPerSecond: 100 }), createRequest('one two three four five six'));
  // Due after 50 ms, and Node's timers may each be a millisecond early.
  assert.ok(performance.now() - began >= 40, 'the sixth word is due after five hundredths of a second');
});

test('an abort does not wait for the next word', async () => {
  const abort = new AbortController();
  const answer = receive(createEcho({ tokensPerSecond: 0.001 }), createRequest('one two'), abort.signal);
  setImmediate(() => abort.abort());
  assert.equal(reasonOf(await answer), 'abort');
});
