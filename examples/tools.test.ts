import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { TestNetwork } from '../test/harness/test-network.ts';

const DEMO_MODEL = join(import.meta.dirname, '../models/demo/shoal-demo.gguf');

const network = await TestNetwork.open();
const worker = await network.start('worker', '--lend', '--cluster', 'tools', '--model', DEMO_MODEL, '--threads', '1');
after(async () => {
  await worker.stop();
  await network.close();
});

test('a model calls the function and gets its result', async () => {
  const env = { ...process.env, SHOAL_BOOTSTRAP: network.bootstrap, SHOAL_CLUSTER: 'tools' };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'tools.ts')], {
    env,
  });
  assert.match(stderr, /^weather\(\{.*"place": ?"(Oslo|Rome)".*\}\) is (sunny|snow)/);
  assert.notEqual(stdout, '');
});
