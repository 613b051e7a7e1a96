import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isObject } from '@shoal/protocol/json';
import { problems } from '../scripts/supply/check.ts';
import { EXCEPTIONS } from '../scripts/supply/exceptions.ts';
import { auditFindings, lockedPackages, lockFindings } from '../scripts/supply/findings.ts';

const LOCK = join(import.meta.dirname, '../package-lock.json');
const GOOD = { version: '1.0.0', license: 'MIT', integrity: 'sha512-AAAA' };

const problemsOf = (entry: object) =>
  problems(lockFindings(lockedPackages({ packages: { 'node_modules/a': entry } })), [], ['integrity', 'licence']);

test('every package of the lock file has a hash and a known licence, or is named as an exception', () => {
  const lock: unknown = JSON.parse(readFileSync(LOCK, 'utf8'));
  assert.ok(isObject(lock));
  const packages = lockedPackages(lock);
  assert.ok(packages.length > 100);
  assert.deepEqual(problems(lockFindings(packages), EXCEPTIONS, ['integrity', 'licence']), []);
  for (const { date, reason } of EXCEPTIONS) assert.ok(/^\d{4}-\d\d-\d\d$/.test(date) && reason !== '');
});

test('a package without a SHA-512 or with another licence is found', () => {
  assert.deepEqual(problemsOf(GOOD), []);
  assert.deepEqual(problemsOf({ ...GOOD, license: '(GPL-3.0 OR MIT)' }), []);
  assert.match(problemsOf({ ...GOOD, integrity: 'sha1-AAAA' }).join(), /^integrity a@1\.0\.0: .*no SHA-512/);
  assert.match(problemsOf({ version: '1.0.0', license: 'MIT' }).join(), /^integrity a@1\.0\.0/);
  for (const license of ['GPL-3.0', undefined, 'MIT AND GPL-3.0', 'SEE LICENSE IN x']) {
    assert.match(problemsOf({ ...GOOD, license }).join(), /^licence a@1\.0\.0/);
  }
});

test('an advisory is found by its number, and an exception that is not needed any more too', () => {
  const advisory = { source: 1, title: 'Bad', url: 'https://github.com/advisories/GHSA-x', severity: 'high' };
  const findings = auditFindings({ vulnerabilities: { a: { via: [advisory, 'b'] }, b: { via: [advisory] } } });
  assert.deepEqual(findings, [{ id: 'audit GHSA-x', what: 'b: Bad (high)' }]);
  const accepted = { id: 'audit GHSA-x', reason: 'It is not reached.', date: '2026-01-01' };
  assert.deepEqual(problems(findings, [accepted], ['audit']), []);
  assert.match(problems([], [accepted], ['audit']).join(), /not needed any more/);
  assert.deepEqual(problems([], [accepted], ['licence']), []);
});

test('a registry without advisories gives no report', () => {
  assert.equal(auditFindings({ message: '405 Method Not Allowed', statusCode: 405 }), undefined);
  assert.deepEqual(auditFindings({ vulnerabilities: {} }), []);
});
