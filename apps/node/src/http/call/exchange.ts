import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { CompletedAnswer } from '@shoal/formats/answer';
import type { AnswerContext, WriteError } from '@shoal/formats/call';
import type { ShoalError } from '@shoal/protocol/error';
import { countedLog } from '@shoal/host/counted-log';
import type { Logger } from '@shoal/host/log';
import type { NodeControl } from '../../api.ts';
import type { RequestMetrics } from '../metrics/metrics.ts';
import { type Failure, failureOf, retryAfter } from '../http-error.ts';

/** One HTTP request to an API that a model answers, and its response, which is not begun yet. */
export interface HttpExchange {
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the request's body, decompressed. */
  readonly bodyBytes: number;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly writeError: WriteError;
  readonly node: NodeControl;
  readonly aliases: Readonly<Record<string, string>>;
  readonly metrics: RequestMetrics;
  readonly log: Logger;
  /** Called with a complete answer before its end is sent, if there is only one. */
  readonly onCompleted?: CompletedHandler | undefined;
}

export type CompletedHandler = (answer: CompletedAnswer, context: AnswerContext) => void;

/** Answers with an error in the form of the API. The response is not begun yet. */
export function respondWithError(exchange: HttpExchange, thrown: unknown): void {
  const { response, writeError, requestId, log } = exchange;
  const failure = failureOf(thrown);
  logInternal(failure.error, log);
  const { status, body } = writeError(failure.error, failure.status, requestId);
  const wait = retryAfter({ status: failure.status, error: failure.error } satisfies Failure);
  if (wait !== undefined) response.setHeader('retry-after', wait);
  sendJson(response, status, body);
}

/** The body is a text, because Node writes a text together with the headers, and bytes apart from them. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

export function logInternal(error: ShoalError, log: Logger): void {
  if (error.code !== 'INTERNAL') return;
  const write = (): void => log.error({ err: error.cause ?? error }, 'A call of the API failed');
  countedLog(log).write('errors', 'the API', write);
}
