import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_DISK, smallDisk } from '@shoal/files/testing/small-disk';
import { Shoal } from '../../testing/run-shoal.ts';

const DISK_BYTES = 65_536;

test('start on a full disk names the disk, although the node cannot write its log', async (t) => {
  const disk = smallDisk(t, DISK_BYTES);
  if (disk === undefined) return t.skip(NO_DISK);
  const shoal = new Shoal(join(disk, 'home'));
  assert.throws(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(2 * DISK_BYTES)), { code: 'ENOSPC' });
  const { code, stderr } = await shoal.run(['start']);
  assert.equal(code, 1);
  assert.match(stderr, /^shoal: .*home\/.* cannot be written: the disk is full\. .*set SHOAL_HOME/);
});
