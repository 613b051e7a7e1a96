/** Writes the pages that are made of the code: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { limitsPage } from './limits.ts';
import { settingsPage } from './settings.ts';

const DOCS = join(import.meta.dirname, '../docs');

writeFileSync(join(DOCS, 'limits.md'), limitsPage());
writeFileSync(join(DOCS, 'settings.md'), settingsPage());
