import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDiskFull } from '../disk-space.ts';

const FILL_BYTES = 4_096;

/** The reason to skip a test for which `smallDisk` has no disk. */
export const NO_DISK = 'only root can mount a small disk for this test';

/**
 * A new folder with a disk of this size, until the test ends. `leave` runs before the disk is removed. Undefined if this user
 * cannot mount one.
 */
export function smallDisk(
  test: { after(release: () => Promise<void>): void },
  bytes: number,
  leave: (folder: string) => Promise<unknown> = async () => {},
): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
  const isMounted = mount(folder, bytes);
  test.after(async () => {
    if (isMounted) {
      await leave(folder);
      execFileSync('umount', ['--lazy', folder]);
    }
    rmdirSync(folder);
  });
  return isMounted ? folder : undefined;
}

/** Writes a file until the disk is full. Returns its path. */
export function fillDisk(folder: string): string {
  const path = join(folder, 'filler');
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(FILL_BYTES));
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    return path;
  } finally {
    closeSync(file);
  }
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
