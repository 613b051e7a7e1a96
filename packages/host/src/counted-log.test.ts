import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { countedLog, CountedLog } from './counted-log.ts';
import { homeFiles } from './home/home.ts';
import { LogFile, olderLog } from './log-file.ts';
import { temporaryHome } from './testing/temporary-home.ts';

const MINUTE_MS = 60_000;

/** Returns a log, and what was written to it. */
function open(): { counted: CountedLog; lines: string[]; event: (source: string, text: string) => void } {
  const lines: string[] = [];
  const counted = new CountedLog({ info: (line) => lines.push(line) });
  const event = (source: string, text: string): void =>
    counted.write('peers', source, () => void lines.push(`${source}: ${text}`));
  return { counted, lines, event };
}

test('a flood of one peer is counted, and an event of another peer is written at once', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { lines, event } = open();
  for (let hello = 0; hello < 4_219; hello += 1) event('flooder', String(hello));
  event('honest', 'joined');
  assert.deepEqual([lines.length, lines.at(-1)], [9, 'honest: joined']);
  t.mock.timers.tick(MINUTE_MS);
  assert.deepEqual(lines.slice(9), [
    'The same from flooder 4,211 more times in the last minute (changes of peers)',
    'flooder: 4218',
  ]);
  event('flooder', 'again');
  assert.equal(lines.at(-1), 'flooder: again');
});

test('many peers together write no more lines than the kind may have, and are remembered in bounded memory', () => {
  const { counted, lines, event } = open();
  for (let peer = 0; peer < 100_000; peer += 1) event(`peer ${peer}`, 'joined');
  assert.equal(lines.length, 64);
  counted.flush();
  assert.deepEqual(lines.slice(64), [
    'The same from others 99,936 more times in the last minute (changes of peers)',
    'peer 99999: joined',
  ]);
});

test('the name of a source is short and printable', () => {
  const { counted, lines } = open();
  for (let time = 0; time < 10; time += 1) counted.write('peers', `a\u001b\n${'x'.repeat(100_000)}`, () => {});
  counted.flush();
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.startsWith('The same from a x') && lines[0].length < 200);
});

test('nothing is written at the end of a minute in which nothing was counted', () => {
  const { counted, lines, event } = open();
  event('a', 'joined');
  counted.flush();
  counted.flush();
  assert.deepEqual(lines, ['a: joined']);
});

test('all users of a log share its counts', () => {
  const log = { info: () => {} };
  assert.equal(countedLog(log), countedLog(log));
  assert.notEqual(countedLog(log), countedLog({ info: () => {} }));
});

test('a flood leaves the log and the older file within their limits, with the honest event in them', (t) => {
  const { log } = homeFiles(temporaryHome(t));
  const descriptor = openSync(log, 'a');
  t.after(() => closeSync(descriptor));
  const file = LogFile.open(log, descriptor, 4_096);
  const counted = new CountedLog({ info: (line) => file?.write(`${line}\n`) });
  const event = (source: string): void => counted.write('errors', source, () => file?.write(`An event of ${source}\n`));
  event('honest');
  for (let time = 0; time < 100_000; time += 1) event('flooder');
  counted.flush();
  assert.ok(statSync(log).size <= 4_096 && statSync(olderLog(log), { throwIfNoEntry: false }) === undefined);
  assert.match(readFileSync(log, 'utf8'), /^An event of honest\n/);
});
