import type { ServerResponse } from 'node:http';
import { type PullProgress as PullLine, writeError, writePullProgress } from '@shoal/formats/ollama';
import type { PullProgress } from '@shoal/host/models/library';
import type { Logger } from '@shoal/host/log';
import { logInternal } from '../call/exchange.ts';
import { failureOf } from '../http-error.ts';

/** The files of a model are pulled as one; Ollama's programs need a digest to show progress. */
const WHOLE_MODEL = 'model';

/**
 * Streams the progress of a pull as lines of JSON. A failure is a line with `error`, as in Ollama's API, with the status of
 * the failure if it is the first one.
 */
export async function streamPull(
  response: ServerResponse,
  pull: (onProgress: (progress: PullProgress) => void) => Promise<void>,
  log: Logger,
): Promise<void> {
  const write = (line: object, status = 200): void => {
    if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/x-ndjson' });
    response.write(`${JSON.stringify(line)}\n`);
  };
  try {
    await pull((progress) => {
      const line = lineOf(progress);
      if (line !== undefined) write(writePullProgress(line));
    });
    write(writePullProgress({ status: 'writing manifest' }));
    write(writePullProgress({ status: 'success' }));
  } catch (thrown) {
    const { status, error } = failureOf(thrown);
    logInternal(error, log);
    write(writeError(error, status, '').body, status);
  }
  response.end();
}

function lineOf({ phase, doneBytes, totalBytes }: PullProgress): PullLine | undefined {
  switch (phase) {
    case 'finding':
      return { status: 'pulling manifest' };
    case 'waiting':
    case 'fetching':
      return { status: 'pulling', digest: WHOLE_MODEL, total: totalBytes, completed: doneBytes };
    case 'checking':
      return { status: 'verifying sha256 digest' };
    case 'done':
      return undefined;
    default:
      return phase satisfies never;
  }
}
