import { EndRequest } from '@shoal/host/end-request';
import type { Logger } from '@shoal/host/log';

/**
 * Runs what `open` opens until Ctrl-C, SIGTERM or the end of whoever forked this process, and closes it then. Before it is
 * open a signal ends the process at once.
 */
export async function untilEnded(
  log: Logger,
  open: (end: EndRequest) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  const end = new EndRequest(log);
  try {
    const opened = await open(end);
    try {
      await end.wait();
    } finally {
      await opened.close();
    }
  } finally {
    end.close();
  }
}
