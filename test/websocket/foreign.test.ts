import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { identityOf } from '@shoal/protocol/shoal';
import { type EchoDoorOptions, openEchoDoor } from './door.ts';

const SEED = '5e'.repeat(32);
const { key } = identityOf(Buffer.from(SEED, 'hex'));

/** Runs the foreign client at a door. Returns the data that it received, and the engine. */
async function visit(options: EchoDoorOptions, ...more: readonly string[]) {
  const door = await openEchoDoor({ tokensPerSecond: 100, ...options });
  try {
    const program = join(import.meta.dirname, 'foreign-client.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [program, door.address, SEED, ...more]);
    const heard: unknown = JSON.parse(stdout);
    assert.ok(typeof heard === 'object' && heard !== null);
    return { heard: { ...heard } as Readonly<Record<string, unknown>>, engine: door.engine };
  } finally {
    await door.close();
  }
}

for (const [how, options, more] of [
  ['that asks for nothing', {}, []],
  ['by its token', { token: 'a secret' }, ['a secret']],
  ['by its key', { allowedKeys: [key] }, []],
] as const) {
  test(`a client written from the protocol page alone gets its answer at a door ${how}, and aborts another`, async () => {
    const { heard, engine } = await visit(options, ...more);
    const { hello, status, text, end, aborted, error, closed } = heard;
    assert.deepEqual([heard['peerId'], error, closed], [key, null, 1000]);
    assert.partialDeepStrictEqual(hello, { protocol: 'shoal/1', roles: ['worker', 'client'] });
    assert.partialDeepStrictEqual(status, { health: 100, slots: 4 });
    assert.equal(text, 'four score and seven 🐟');
    assert.partialDeepStrictEqual(end, { finish_reason: 'stop', fits: true, usage: { completion_tokens: 5 } });
    assert.equal(aborted, 'word word ');
    await engine.aborted;
  });
}

test('a refused client gets the reason, and the connection is closed', async () => {
  const { heard, engine } = await visit({ token: 'a secret', allowedKeys: [] }, 'a guess');
  assert.partialDeepStrictEqual(heard['error'], { code: 'UNAUTHORIZED' });
  assert.deepEqual([heard['status'], heard['closed'], engine.requests.length], [null, 1000, 0]);
});
