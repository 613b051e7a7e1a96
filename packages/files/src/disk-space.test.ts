import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { checkDiskSpace, isDiskFull, toWriteError } from './disk-space.ts';

const systemError = (code: string): Error => Object.assign(new Error(code), { code });

test('a full disk is recognised in errors of the system and of SQLite', () => {
  const full = [systemError('ENOSPC'), systemError('EDQUOT'), Object.assign(new Error('full'), { errcode: 13 })];
  assert.deepEqual(full.map(isDiskFull), [true, true, true]);
  assert.deepEqual([systemError('EIO'), new Error('x'), 'ENOENT'].map(isDiskFull), [false, false, false]);
});

test('a failed write names the file, the reason and the setting that helps', () => {
  const full = toWriteError(systemError('ENOSPC'), '/models/file');
  assert.equal(full.code, 'STORAGE_FULL');
  assert.match(full.message, /^\/models\/file cannot be written: the disk is full\. Free some .* set SHOAL_HOME /);
  const denied = toWriteError(systemError('EACCES'), '/models/file');
  assert.equal(denied.code, 'INVALID_REQUEST');
  assert.match(
    denied.message,
    /^\/models\/file cannot be written: this user may not .* \(EACCES\)\. .* set SHOAL_HOME /,
  );
  assert.match(toWriteError(systemError('EROFS'), '/models/file').message, /its file system is read-only \(EROFS\)/);
  const other = toWriteError(systemError('EIO'), '/models/file');
  assert.deepEqual([other.code, other.message], ['INTERNAL', '/models/file could not be written (EIO).']);
  const known = ShoalError.invalidRequest('x');
  assert.equal(toWriteError(known, '/models/file'), known);
});

test('a write that does not fit on the disk is refused before it begins', async () => {
  await checkDiskSpace(tmpdir(), 0);
  await assert.rejects(checkDiskSpace(tmpdir(), Number.MAX_SAFE_INTEGER), {
    code: 'STORAGE_FULL',
    message: /MB more are needed/,
  });
});
