import { CliError } from '../cli-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs work that Ctrl-C aborts. A second Ctrl-C ends the process. After an abort, prints the text of `advice` and throws
 * `CliError.interrupted`.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  advice?: () => string | undefined,
): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const name of SIGNALS) process.once(name, interrupt);
  try {
    return await work(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    const text = advice?.();
    if (text !== undefined) process.stderr.write(`${text}\n`);
    throw CliError.interrupted();
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
