import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Call } from '@shoal/formats/call';
import type { JsonObject } from '@shoal/protocol/json';
import type { Logger } from '@shoal/host/log';
import type { Scope } from '@shoal/host/home/token-file';
import type { ModelLibrary } from '@shoal/host/models/library';
import type { NodeControl } from '../../api.ts';
import { apiNameOf, WRITE_ERROR } from '../api-name.ts';
import type { CompletedHandler } from '../call/exchange.ts';
import { answerCall } from '../call/answer-call.ts';
import type { JsonBody } from '../json-body.ts';
import { callerName } from '../caller-name.ts';
import type { Metrics, Operation, RequestMetrics } from '../metrics/metrics.ts';
import type { RequestLog } from '../../requests/request-log.ts';

/** The parts of the API that its routes use. */
export interface ApiContext {
  /** Throws `OVERLOADED` while the node is starting. */
  readonly node: () => NodeControl;
  /** Throws `OVERLOADED` while the node is starting or stopping. */
  readonly nodeForCalls: () => NodeControl;
  readonly aliases: Readonly<Record<string, string>>;
  readonly library: ModelLibrary;
  readonly metrics: Metrics;
  readonly requests: RequestLog;
  readonly log: Logger;
  /** Ends the daemon. */
  readonly onStop: () => void;
}

/** The scope that a call needs. `none`: everybody may call. */
export type NeededScope = Scope | 'none';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly scope?: NeededScope;
  }
}

/** Returns the owner of what a call stores. */
export function callerOf({ caller }: FastifyRequest): string {
  return caller;
}

const NO_BODY: JsonBody = { value: {}, bytes: 0 };

/** Returns the body that the server has parsed. */
export function bodyOf({ body }: FastifyRequest): JsonBody {
  return isJsonBody(body) ? body : NO_BODY;
}

/** Returns the response behind a reply, with the headers of every answer. Fastify sends nothing more. */
export function takeOver(reply: FastifyReply): ServerResponse {
  for (const [name, header] of Object.entries(reply.getHeaders())) {
    if (header !== undefined) reply.raw.setHeader(name, header);
  }
  reply.hijack();
  return reply.raw;
}

/** Answers a request that a model answers. `read` throws `INVALID_REQUEST`. */
export async function answer(
  context: ApiContext,
  operation: Operation,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  read: (body: JsonObject) => Call,
  onCompleted?: CompletedHandler,
): Promise<void> {
  const { value, bytes } = bodyOf(request);
  const call = read(value);
  const node = context.nodeForCalls();
  const api = apiNameOf(request.url, request.headers);
  await answerCall(call, {
    headers: request.headers,
    bodyBytes: bytes,
    response: takeOver(reply),
    requestId: request.id,
    writeError: WRITE_ERROR[api],
    node,
    aliases: context.aliases,
    metrics: measured(context, operation, request, call),
    log: context.log,
    onCompleted,
  });
}

/** Measures a call, and records it unless nothing is generated. */
function measured(
  { metrics, requests }: ApiContext,
  operation: Operation,
  request: FastifyRequest,
  { models: [model = ''], request: prompt, loadsModel }: Call,
): RequestMetrics {
  const api = apiNameOf(request.url, request.headers);
  const measurement = metrics.begin({ api, operation, model });
  if (operation === 'count_tokens' || loadsModel === true) return measurement;
  return requests.begin({ who: callerName(request), via: api, model, request: prompt, metrics: measurement });
}

function isJsonBody(body: unknown): body is JsonBody {
  return typeof body === 'object' && body !== null && 'value' in body && 'bytes' in body;
}
