import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Gone when the test ends. */
export function temporaryFolder(test: { after(release: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-models-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
