import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { existingFolder, makeFolder } from './make-folder.ts';
import { NO_DISK, smallDisk } from './testing/small-disk.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

test('a folder is made with those above it, for its owner alone', (t) => {
  const root = temporaryFolder(t);
  const folder = join(root, 'one/two');
  assert.equal(existingFolder(folder), root);
  makeFolder(folder);
  makeFolder(folder);
  assert.equal(existingFolder(folder), folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test('on a read-only disk the reason is that it is read-only', (t) => {
  const disk = smallDisk(t, 65_536);
  if (disk === undefined) return t.skip(NO_DISK);
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  assert.throws(() => makeFolder(join(disk, 'one/two')), { code: 'EROFS' });
});
