import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { localDht } from '@shoal/transport/dht';

const file = (name: string): string => join(import.meta.dirname, name);

test('a lending program answers the prompt of another program', async () => {
  const dht = await localDht();
  const env = { ...process.env, SHOAL_BOOTSTRAP: dht.bootstrap[0], SHOAL_CLUSTER: 'examples' };
  const lender = spawn(process.execPath, [file('lend.ts')], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    await once(lender.stderr, 'data');
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file('ask.ts'), 'hello there'], { env });
    assert.deepEqual([stdout, stderr], ['hello there\n', 'example answers\n']);
  } finally {
    await ended(lender);
    await dht.close();
  }
});

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
}
