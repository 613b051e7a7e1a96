import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast, jsonOf, readLogLine, terminalText } from './log-line.ts';

/** In this machine's time zone, as the log shows it. */
const TIME = new Date(2026, 10, 21, 9, 4, 5).getTime();

function line(fields: object): string {
  return JSON.stringify({ level: 'info', time: TIME, ...fields });
}

test('a line shows its local time, level, message and the fields that the message does not contain', () => {
  const shown = (fields: object): string => terminalText(readLogLine(line(fields)));
  assert.equal(shown({ msg: 'API on x' }), '2026-11-21 09:04:05 info  API on x');
  assert.equal(
    shown({ level: 'warn', msg: 'Joined cluster one', cluster: 'one', code: 'TIMEOUT', peers: ['a'] }),
    '2026-11-21 09:04:05 warn  Joined cluster one code=TIMEOUT',
  );
  assert.equal(
    shown({ level: 'error', msg: 'Failed', err: { message: 'why', stack: 'long' } }),
    '2026-11-21 09:04:05 error Failed (why)',
  );
  assert.equal(shown({ msg: 'a\u001b[2Jb', name: 'x\ny' }), '2026-11-21 09:04:05 info  a[2Jb name=x y');
});

test('a text that is not a line of the log is shown as it is, and counts as an error', () => {
  const crash = readLogLine('    at file.ts:1\u0007');
  assert.equal(terminalText(crash), '    at file.ts:1');
  assert.equal(jsonOf(crash), '{"level":"error","msg":"    at file.ts:1\\u0007"}');
  assert.ok(isAtLeast(crash, 'error'));
  assert.equal(readLogLine('{"level":"info","ti').level, 'error');
});

test('a JSON line is printed as it was written', () => {
  const text = line({ msg: 'x', models: [{ id: 'a' }] });
  assert.equal(jsonOf(readLogLine(text)), text);
});

test('levels are ordered', () => {
  const warning = readLogLine(line({ level: 'warn', msg: 'x' }));
  const fits = (['debug', 'info', 'warn', 'error'] as const).map((level) => isAtLeast(warning, level));
  assert.deepEqual(fits, [true, true, true, false]);
});
