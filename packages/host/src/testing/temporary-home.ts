import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateHome, prepareHome, type Home } from '../home/home.ts';

/** Creates a home for one test, which is removed after it. */
export function temporaryHome(test: { after(release: () => void): void }): Home {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const home = locateHome({ SHOAL_HOME: folder });
  prepareHome(home);
  return home;
}
