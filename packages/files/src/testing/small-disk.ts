import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The reason to skip a test for which `smallDisk` has no disk. */
export const NO_DISK = 'only root can mount a small disk for this test';

/** A new folder with a disk of this size, until the test ends. Undefined if this user cannot mount one. */
export function smallDisk(test: { after(release: () => void): void }, bytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
  const isMounted = mount(folder, bytes);
  test.after(() => {
    if (isMounted) execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  return isMounted ? folder : undefined;
}

function mount(folder: string, bytes: number): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // The root user of a container may not be allowed to mount.
    if (error instanceof Error && 'status' in error) return false;
    throw error;
  }
}
