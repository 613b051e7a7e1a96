import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LogFile, olderLog } from '@shoal/host/log-file';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { LogReader } from './log-reader.ts';

/** Returns a log, and a function that returns the next lines that are written to it. */
function follow(t: TestContext): { path: string; reader: LogReader; next: (count: number) => Promise<string[]> } {
  const path = join(temporaryFolder(t), 'shoal.log');
  const end = new AbortController();
  t.after(() => end.abort());
  const reader = new LogReader(path);
  const batches = reader.follow(end.signal);
  const read: string[] = [];
  const next = async (count: number): Promise<string[]> => {
    while (read.length < count) read.push(...((await batches.next()).value ?? []));
    return read.splice(0, count);
  };
  return { path, reader, next };
}

test('what was written before comes with the older file, and what is written later line by line', async (t) => {
  const { path, reader, next } = follow(t);
  assert.equal(await reader.lines(), undefined);
  appendFileSync(olderLog(path), 'one\n');
  appendFileSync(path, 'two\nthr');
  assert.deepEqual(await reader.lines(), ['one', 'two']);
  appendFileSync(path, 'ee\nfour\n');
  assert.deepEqual(await next(2), ['three', 'four']);
});

test('a log that does not exist yet is read once it does', async (t) => {
  const { path, next } = follow(t);
  const read = next(1);
  appendFileSync(path, 'one\n');
  assert.deepEqual(await read, ['one']);
});

test('no line is lost when the node empties its log, or the next start renames it', async (t) => {
  const { path, reader, next } = follow(t);
  const descriptor = openSync(path, 'a');
  t.after(() => closeSync(descriptor));
  const log = LogFile.open(path, descriptor, 20);
  log?.write('1 first line\n');
  assert.deepEqual(await reader.lines(), ['1 first line']);
  log?.write('2 second line\n');
  log?.write('3\n');
  assert.deepEqual(await next(2), ['2 second line', '3']);
  appendFileSync(path, '4\n');
  renameSync(path, olderLog(path));
  appendFileSync(path, '5 is longer\n');
  assert.deepEqual(await next(2), ['4', '5 is longer']);
});
