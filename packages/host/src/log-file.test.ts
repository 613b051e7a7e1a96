import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { homeFiles } from './home/home.ts';
import { LogFile, olderLog } from './log-file.ts';
import { temporaryHome } from './testing/temporary-home.ts';

test('a log that grows too large is emptied, and the older file has its lines', (t) => {
  const { log } = homeFiles(temporaryHome(t));
  const descriptor = openSync(log, 'a');
  t.after(() => closeSync(descriptor));
  const file = LogFile.open(log, descriptor, 20);
  const older = (): string => readFileSync(olderLog(log), 'utf8');
  file?.write('first line\n');
  assert.ok(!existsSync(olderLog(log)));
  file?.write('second line\n');
  assert.deepEqual([older(), readFileSync(log, 'utf8')], ['first line\nsecond line\n', '']);
  file?.write('third line\n');
  file?.write('fourth line\n');
  file?.write('fifth line\n');
  assert.deepEqual([older(), readFileSync(log, 'utf8')], ['third line\nfourth line\n', 'fifth line\n']);
});

test('a descriptor that is not the file at the path is no log file', (t) => {
  const home = temporaryHome(t);
  const other = join(home.state, 'other');
  writeFileSync(homeFiles(home).log, '');
  const descriptor = openSync(other, 'a');
  t.after(() => closeSync(descriptor));
  assert.equal(LogFile.open(homeFiles(home).log, descriptor), undefined);
  assert.equal(LogFile.open(join(home.state, 'missing'), descriptor), undefined);
});
