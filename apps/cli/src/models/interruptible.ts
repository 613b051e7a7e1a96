import { CliError } from '../cli-error.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does work that Ctrl-C ends in good order; a second one ends the process at once. `kept` gives what to say then. Throws
 * `CliError.interrupted` where it was.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  kept?: () => string | undefined,
): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const name of SIGNALS) process.once(name, interrupt);
  try {
    return await work(interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    const advice = kept?.();
    if (advice !== undefined) process.stderr.write(`${advice}\n`);
    throw CliError.interrupted();
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
