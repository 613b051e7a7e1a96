import { EndRequest } from '@shoal/host/end-request';
import type { Logger } from '@shoal/host/log';

/**
 * Opens a resource, waits for Ctrl-C, SIGTERM or the end of the parent process, and closes it. A signal before it is open ends
 * the process at once.
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
