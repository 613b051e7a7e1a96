import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { helloMessage, VERSION } from './hello.ts';

test('the version in a hello is the version of the package', async () => {
  const description: unknown = JSON.parse(
    await readFile(new URL('../../client/package.json', import.meta.url), 'utf8'),
  );
  assert.ok(typeof description === 'object' && description !== null && 'version' in description);
  assert.equal(VERSION, description.version);
});

test('a hello has the fields that nodes of both dialects read', () => {
  const self = { name: 'NodeA', lends: true, models: [{ id: 'tiny', contextLength: 512 }] };
  const hello = helloMessage(self, { key: 'ab', clusters: ['poc'], uptimeSeconds: 1.9 });
  assert.deepEqual([hello.node_name, hello.clusters, hello.supported_models], ['NodeA', ['poc'], ['tiny']]);
  assert.deepEqual(
    [hello.roles, hello.models, hello.uptime_s],
    [['worker', 'client'], [{ id: 'tiny', context_length: 512 }], 1],
  );
});
