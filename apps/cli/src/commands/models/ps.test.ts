import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeApiAccess } from '@shoal/host/home/api-file';
import { locateHome } from '@shoal/host/home';
import { openTestApi, TEST_TOKEN } from '../../../../node/src/testing/test-api.ts';
import { snakeCased } from '../../terminal/output.ts';
import { Shoal, temporaryFolder } from '../../testing/run-shoal.ts';
import { until } from './ps.ts';

test('each model in memory is a line, with question marks for unknown values', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const { api, node } = await openTestApi(t);
  const token = TEST_TOKEN;
  await writeApiAccess(locateHome({ SHOAL_HOME: shoal.home }), { port: api.port, pid: process.pid, token });

  node.resident = [
    {
      id: 'tiny:1b',
      digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
      memoryBytes: 1_300_000_000,
      device: 'cpu',
      contextLength: 4096,
      active: 1,
      leavesInMs: 240_000,
    },
    { id: 'odd\u001b[31m', active: 0 },
  ];
  const { code, stdout } = await shoal.run(['ps']);
  assert.equal(code, 0);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
    [
      ['NAME', 'DIGEST', 'SIZE', 'PROCESSOR', 'CONTEXT', 'ACTIVE', 'UNTIL'],
      ['tiny:1b', '0123456789ab', '1.3 GB', 'cpu', '4096', '1', '4 minutes from now'],
      ['odd[31m', '?', '?', '?', '?', '0', 'forever'],
    ],
  );
  assert.deepEqual((await shoal.json(['ps'])).document, { models: snakeCased(node.resident) });
  node.resident = [];
  assert.match((await shoal.run(['ps'])).stdout, /^nothing: /);
});

test('the time until a model leaves memory is shown in its largest unit', () => {
  const times: readonly (readonly [leavesInMs: number, expected: string])[] = [
    [-1, 'stopping'],
    [0, 'stopping'],
    [400, '1 second from now'],
    [59_000, '59 seconds from now'],
    [60_000, '1 minute from now'],
    [290_000, '5 minutes from now'],
    [3_600_000, '1 hour from now'],
    [90_000_000, '25 hours from now'],
  ];
  for (const [leavesInMs, expected] of times) assert.equal(until({ leavesInMs }), expected);
  assert.equal(until({}), 'forever');
});
