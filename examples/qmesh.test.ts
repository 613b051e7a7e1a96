import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { localDht } from '@shoal/transport/dht';

test('a QMesh worker answers a client', async () => {
  const dht = await localDht();
  try {
    const env = { ...process.env, SHOAL_BOOTSTRAP: dht.bootstrap[0] };
    const program = join(import.meta.dirname, 'qmesh.ts');
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, 'hello there'], { env });
    assert.equal(stdout, 'hello there\n');
    assert.match(stderr, /^(healthy|busy), with 10 places\n2 tokens\n$/);
  } finally {
    await dht.close();
  }
});
