import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder, which is removed when the test ends. */
export function temporaryFolder(test: { after(release: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
