import type { IncomingMessage } from 'node:http';

/** The most that is read of a refused body. */
const DRAIN_LIMIT_BYTES = 64 * 1024 * 1024;
const DRAIN_LIMIT_MS = 5_000;

/**
 * Reads and drops the rest of a refused body, within limits. Programs that use Node's `fetch` see a broken connection instead of
 * the answer if they are still sending when it closes.
 */
export function drain(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const count = (piece: Buffer): void => {
      bytes += piece.length;
      if (bytes > DRAIN_LIMIT_BYTES) stop();
    };
    const stop = (): void => {
      clearTimeout(timer);
      request.off('data', count).off('end', stop).off('close', stop);
      resolve();
    };
    const timer = setTimeout(stop, DRAIN_LIMIT_MS);
    if (request.readableEnded || request.closed) return stop();
    request.on('data', count).on('end', stop).on('close', stop).resume();
  });
}
