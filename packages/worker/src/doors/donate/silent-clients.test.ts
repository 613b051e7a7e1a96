import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FINISH, ScriptedEngine } from '../../../test/scripted-engine.ts';
import { skipTime } from '../../../test/skip-time.ts';
import { serveDonate } from './index.ts';
import { TestClient } from './testing/test-client.ts';

const TEXT = { type: 'text', text: 'four', tokens: [4] } as const;
const SKIPPED_MS = 5_000;

test('silent clients do not keep out one that asks, and one that has asked stays', async (context) => {
  const engine = new ScriptedEngine([TEXT, FINISH]);
  const listener = await serveDonate({ mode: 'local_lm', engine, port: 0, maxConnections: 4 });
  context.after(() => listener.close());
  const greeted = async (): Promise<TestClient> => {
    const client = await TestClient.dial(listener.port);
    context.after(() => client.destroy());
    assert.equal((await client.next()).type, 'hello');
    return client;
  };
  const ask = async (client: TestClient): Promise<void> => {
    client.send({ type: 'prompt', job_id: 'a', prompt: 'What is 2+2?' });
    assert.equal((await client.next())['text'], 'four');
  };
  const idle = await greeted();
  await ask(idle);
  const [first, second] = [await greeted(), await greeted(), await greeted()];
  // It arrives before their minimum stay is over, and waits.
  const early = greeted();
  skipTime(context, SKIPPED_MS);
  await ask(await early);
  await ask(await greeted());
  await Promise.all([first?.closed, second?.closed]);
  await ask(idle);
});
