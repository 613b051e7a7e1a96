/**
 * Checks what npm installs: hashes and licences in package-lock.json, and the advisories of `npm audit`. A finding fails unless
 * exceptions.ts names it: `npm run check:supply`. The step of advisories is skipped, with a line, where the registry has none.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { problems } from './check.ts';
import { EXCEPTIONS } from './exceptions.ts';
import { auditFindings, lockedPackages, lockFindings } from './findings.ts';

const ROOT = join(import.meta.dirname, '../..');
const AUDIT_TIMEOUT_MS = 60_000;
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;

const packages = lockedPackages(parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
console.log(`licences: ${countLicences()}`);
const failures = [...problems(lockFindings(packages), EXCEPTIONS, ['integrity', 'licence'])];

const advisories = auditFindings(parse(await auditReport()));
if (advisories === undefined)
  console.log('audit: skipped, because the registry of npm has no advisories or is not reached');
else {
  console.log(`audit: ${advisories.length} advisories`);
  failures.push(...problems(advisories, EXCEPTIONS, ['audit']));
}

for (const { id, reason, date } of EXCEPTIONS) console.log(`accepted on ${date}: ${id}. ${reason}`);
for (const failure of failures) console.error(`✖ ${failure}`);
if (failures.length > 0) process.exitCode = 1;

function countLicences(): string {
  const byLicence = Object.entries(Object.groupBy(packages, ({ licence }) => licence ?? 'not named'));
  return byLicence
    .toSorted(([, left = []], [, right = []]) => right.length - left.length)
    .map(([licence, ofIt = []]) => `${ofIt.length} ${licence}`)
    .join(', ');
}

/** Returns the report of npm, which ends with an error code if there are advisories. Empty if npm cannot be run. */
function auditReport(): Promise<string> {
  const options = { cwd: ROOT, timeout: AUDIT_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve) => {
    execFile('npm', ['audit', '--json'], options, (_error, stdout) => resolve(stdout));
  });
}

function parse(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
