import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { fillDisk, NO_DISK, smallDisk } from '@shoal/files/testing/small-disk';
import type { ClusterView } from '@shoal/node/api';
import { localDht } from '@shoal/transport/dht';
import { errorCode, Shoal } from '../../apps/cli/src/testing/run-shoal.ts';

const DISK_BYTES = 1024 * 1024;

test('on a full disk nothing is done that cannot be recorded, and the node can be stopped', async (t) => {
  const disk = smallDisk(t, DISK_BYTES, (folder) => new Shoal(folder).run(['stop']));
  if (disk === undefined) return t.skip(NO_DISK);
  const dht = await localDht();
  t.after(() => dht.close());
  const shoal = new Shoal(disk, { SHOAL_BOOTSTRAP: dht.bootstrap.join(',') });
  assert.equal((await shoal.run(['start', '--cluster', 'kept'])).code, 0);
  const clusters = async (): Promise<string[]> => {
    const { document } = await shoal.json(['clusters']);
    return (document as { clusters: ClusterView[] }).clusters.map(({ id }) => id);
  };
  const { document: before } = await shoal.json(['status']);

  const filler = fillDisk(disk);
  const refusals = [
    ['connect', 'c'],
    ['disconnect', 'kept'],
    ['token', 'create'],
    ['start', '--save', '--slots', '3'],
    ['restart'],
  ];
  for (const args of refusals) {
    const { code, document } = await shoal.json(args);
    assert.deepEqual([code, errorCode(document)], [1, 'STORAGE_FULL'], args.join(' '));
  }
  assert.deepEqual(await clusters(), ['kept']);
  const { document: after } = await shoal.json(['status']);
  assert.equal((after as { pid: number }).pid, (before as { pid: number }).pid);
  const stopped = await shoal.run(['stop']);
  assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
  rmSync(filler);
  const again = fillDisk(disk);
  const refused = await shoal.json(['start', '--save', '--slots', '3']);
  assert.deepEqual([refused.code, errorCode(refused.document)], [1, 'STORAGE_FULL']);

  rmSync(again);

  assert.deepEqual(
    readdirSync(disk).filter((name) => /tmp$|^config/.test(name)),
    [],
  );
  const started = await shoal.run(['start']);
  assert.deepEqual([started.code, started.stderr], [0, ''], 'a stopped node is not continued');
  assert.deepEqual(await clusters(), []);
});
