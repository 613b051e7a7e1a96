import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingsPage } from '../scripts/settings.ts';

const PAGE = join(import.meta.dirname, '../docs/settings.md');

test('the settings page shows the tables of settings (npm run docs writes it)', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), settingsPage());
});
