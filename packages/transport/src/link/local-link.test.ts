import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceEvent } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import type { Exchange } from './exchange.ts';
import { LocalLink } from './local-link.ts';

const REQUEST: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };
const FINISH: InferenceEvent = { type: 'finish', reason: 'stop', rawReason: 'end' };
const piece = (text: string): InferenceEvent => ({ type: 'text', text, tokens: [1] });

/** A link whose requests are collected. */
function collect(): { link: LocalLink; exchanges: Exchange[] } {
  const exchanges: Exchange[] = [];
  return { link: new LocalLink('ab', (exchange) => void exchanges.push(exchange)), exchanges };
}

test('events arrive in order, and the answer ends with its terminal event', async () => {
  const { link, exchanges } = collect();
  const answer = link.ask(REQUEST);
  const [exchange] = exchanges;
  assert.ok(exchange);
  assert.equal(exchange.request, REQUEST);
  assert.equal(link.openAnswers, 1);
  await exchange.send(piece('a'));
  await exchange.send(FINISH);
  assert.equal(await exchange.send(piece('too late')), false);
  assert.deepEqual(await Array.fromAsync(answer), [piece('a'), FINISH]);
  assert.equal(link.openAnswers, 0);
});

test('an unread answer pauses the engine, and reading resumes it', async () => {
  const { link, exchanges } = collect();
  const answer = link.ask(REQUEST);
  const [exchange] = exchanges;
  assert.ok(exchange);
  let sent = 0;
  const engine = (async () => {
    for (; sent < 1_000; sent++) await exchange.send(piece(String(sent)));
    await exchange.send(FINISH);
  })();
  await answer.next();
  assert.ok(sent < 100, `${sent} pieces are buffered`);
  let read = 1;
  for await (const event of answer) read += event.type === 'text' ? 1 : 0;
  await engine;
  assert.equal(read, 1_000);
});

test('a reader that leaves aborts the exchange, and a closed link ends its answers', async () => {
  const { link, exchanges } = collect();
  const left = link.ask(REQUEST);
  const reasons: string[] = [];
  exchanges[0]?.onAbort(({ code }) => reasons.push(code));
  await left.return();
  assert.deepEqual(reasons, ['GENERATION_ABORTED']);
  assert.equal(exchanges[0]?.ended, true);
  const open = link.ask(REQUEST);
  link.close();
  const [event] = await Array.fromAsync(open);
  assert.equal(event?.type === 'error' && event.error.code, 'WORKER_LOST');
  assert.throws(() => link.ask(REQUEST), { code: 'WORKER_LOST' });
});

test('an aborted answer ends with the reason abort', async () => {
  const { link } = collect();
  const answer = link.ask(REQUEST);
  answer.abort();
  assert.partialDeepStrictEqual(await Array.fromAsync(answer), [{ type: 'finish', reason: 'abort' }]);
});
