import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { localDht } from '@shoal/transport/dht';

const EXAMPLE = join(import.meta.dirname, 'localllm.ts');

test('a program that shares a model answers a program that has its Server ID', async () => {
  const dht = await localDht();
  const env = { ...process.env, SHOAL_BOOTSTRAP: dht.bootstrap[0] };
  const host = spawn(process.execPath, [EXAMPLE], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(host.stdout, 'data');
    const args = [EXAMPLE, String(line).trim(), 'hello there'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
    assert.deepEqual([stdout, stderr], ['hello there\n', 'example answers with echo\n']);
  } finally {
    const exit = once(host, 'exit');
    host.kill('SIGTERM');
    assert.deepEqual(await exit, [0, null]);
    await dht.close();
  }
});
