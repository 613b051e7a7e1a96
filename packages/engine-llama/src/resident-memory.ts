const KIB = 1024;

/**
 * Returns the bytes of memory that this process occupies. Where the system does not report them (Linux without `/proc`),
 * returns the most that it has occupied so far, which `getrusage` reports everywhere.
 */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return process.resourceUsage().maxRSS * KIB;
    throw error;
  }
}
