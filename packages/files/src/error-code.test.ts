import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCode, isMissing } from './error-code.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

test('the code of a system error is returned, and the text of an error without a code', () => {
  assert.equal(errorCode(Object.assign(new Error('x'), { code: 'EPERM' })), 'EPERM');
  assert.equal(errorCode(new Error('x')), 'Error: x');
  assert.equal(errorCode('x'), 'x');
});

test('a path that does not exist is missing, and so is one below a file', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  assert.ok(isMissing(readError(join(folder, 'other'))));
  assert.ok(isMissing(readError(join(file, 'below'))));
  assert.ok(!isMissing(readError(folder)));
});

function readError(path: string): unknown {
  try {
    return readFileSync(path);
  } catch (error) {
    return error;
  }
}
