import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type Shoal } from '@shoal/client';
import { Program } from '../harness/program.ts';

interface Foreign {
  readonly shoal: Shoal;
  readonly worker: Program;
}

/** Our client, connected to a worker that shares no code with it. */
async function meet(context: TestContext, args: readonly string[], token?: string): Promise<Foreign> {
  const command = [join(import.meta.dirname, 'foreign-worker.mjs'), ...args];
  const worker = new Program({ name: 'foreign worker', command });
  context.after(() => worker.kill());
  const [, url = ''] = await worker.until(() => /"url":"([^"]+)"/.exec(worker.stdout) ?? undefined, 'its address');
  const shoal = await connect({ peers: [url], token });
  context.after(() => shoal.close());
  return { shoal, worker };
}

test('a worker written from the protocol page alone answers our client, under its name and with its model', async (context) => {
  const { shoal } = await meet(context, ['--token', 'a shared secret'], 'a shared secret');
  const events = await Array.fromAsync(shoal.generate({ prompt: 'four score and seven 🐟', model: 'parrot' }));
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  assert.equal(text, 'four score and seven 🐟');
  assert.partialDeepStrictEqual(events[0], { type: 'worker', name: 'Foreign' });
  assert.partialDeepStrictEqual(events.at(-1), { type: 'finish', reason: 'stop', usage: { completionTokens: 5 } });
});

test('our abort reaches the worker', async (context) => {
  const { shoal, worker } = await meet(context, ['--words-per-second', '50']);
  for await (const event of shoal.generate({ prompt: 'word '.repeat(1_000) })) if (event.type === 'text') break;
  await worker.until(() => worker.stdout.includes('"inference_abort"') || undefined, 'the abort');
});

test('an unfinished answer is an error and never a complete answer', async (context) => {
  const { shoal } = await meet(context, ['--dies-after', '2']);
  const events = await Array.fromAsync(shoal.generate({ prompt: 'one two three four' }));
  const last = events.at(-1);
  assert.equal(last?.type === 'error' && last.error.code, 'WORKER_LOST');
});

test('if it refuses our connection, the answer has that error', async (context) => {
  const { shoal } = await meet(context, ['--token', 'another secret'], 'a guess');
  await assert.rejects(shoal.text({ prompt: 'Hello?' }), { code: 'UNAUTHORIZED', message: /Not with this token\.$/ });
});
