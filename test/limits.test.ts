import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { limitsPage } from '../scripts/limits.ts';

const PAGE = join(import.meta.dirname, '../docs/limits.md');

test('the limits page has the values and descriptions of the constants in the code (npm run docs writes it)', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), limitsPage());
});
