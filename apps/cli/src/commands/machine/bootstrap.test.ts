import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

test('in the background, bootstrap returns with the address and the process id', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const flags = ['bootstrap', '--host', '127.0.0.1', '--port', '0', '--background'];
  const { code, document } = await shoal.json(flags);
  const { address, pid } = document as { address: string; pid: number };
  t.after(() => process.kill(pid, 'SIGTERM'));
  assert.equal(code, 0);
  assert.match(address, /^127\.0\.0\.1:\d+$/);
  assert.ok(process.kill(pid, 0));
  const port = address.slice(address.indexOf(':') + 1);
  const again = await shoal.run(['bootstrap', '--host', '127.0.0.1', '--port', port, '--background']);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^shoal: .*\n$/);
});
