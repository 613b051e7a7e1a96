import type { WorkerChosen } from '@shoal/client';
import type { ServerResponse } from 'node:http';
import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { NodeControl, PromptLine, PromptRequest } from '../api.ts';
import { errorView, STATUS_OF } from './http-error.ts';
import type { RequestMetrics } from './metrics/metrics.ts';
import type { Logger } from '@shoal/host/log';

interface PromptExchange {
  readonly response: ServerResponse;
  readonly log: Logger;
  readonly metrics: RequestMetrics;
}

/**
 * Answers one prompt as NDJSON, at the speed of the reader. The headers are sent with the first line, so that a prompt that
 * fails earlier has its own HTTP status. If the reader disconnects, the generation ends.
 */
export async function streamPrompt(
  node: NodeControl,
  request: PromptRequest,
  { response, log, metrics }: PromptExchange,
): Promise<void> {
  try {
    const events = node.prompt(request)[Symbol.asyncIterator]();
    response.once('close', () => {
      metrics.end('cancelled');
      events.return?.().catch((err: unknown) => log.error({ err }, 'An answer could not be cancelled'));
    });
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      measure(next.value, metrics);
      if (!writeLine(response, next.value)) await drainedOrClosed(response);
      if (response.closed) return;
    }
  } catch (thrown) {
    const error = ShoalError.from(thrown);
    metrics.end(error.code);
    writeLine(response, { type: 'error', error });
  }
  response.end();
}

function measure(event: WorkerChosen | InferenceEvent, metrics: RequestMetrics): void {
  if (event.type === 'worker' && event.model !== undefined) metrics.answeredBy?.(event.model);
  if (event.type === 'error') metrics.end(event.error.code);
  if (event.type === 'finish') metrics.end(event.reason === 'abort' ? 'cancelled' : 'ok', event.usage);
  if ('tokens' in event) {
    metrics.first();
    metrics.token(event.tokens.length);
  }
}

/** Writes one event. Returns false if the caller must wait until the reader has caught up. */
function writeLine(response: ServerResponse, event: WorkerChosen | InferenceEvent): boolean {
  if (!response.headersSent) startAnswer(response, event);
  return response.write(`${JSON.stringify(promptLine(event))}\n`);
}

function startAnswer(response: ServerResponse, first: WorkerChosen | InferenceEvent): void {
  const status = first.type === 'error' ? STATUS_OF[first.error.code] : 200;
  response.writeHead(status, { 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' });
}

function promptLine(event: WorkerChosen | InferenceEvent): PromptLine {
  return event.type === 'error' ? { type: 'error', error: errorView(event.error) } : event;
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) return resolve();
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
