import { randomUUID } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '@shoal/host/log';
import { ShoalError } from '@shoal/protocol/error';
import { API_BODY_LIMIT_BYTES } from '../api.ts';
import { apiNameOf, WRITE_ERROR } from './api-name.ts';
import { logInternal } from './call/exchange.ts';
import { drain } from './drain.ts';
import { failureOf, HttpError, retryAfter } from './http-error.ts';
import { readJsonBody, tooLarge } from './json-body.ts';
import { refuseUnreadable } from './unreadable-request.ts';

const HEADERS_TIMEOUT_MS = 10_000;
/** A request to the local API must have arrived within this time. Answers have no limit. */
const BODY_TIMEOUT_MS = 30_000;
/** An unused connection is closed after this time. */
const IDLE_TIMEOUT_MS = 75_000;
const TIMEOUT_CHECK_MS = 1_000;
/** Connections to the local API. More are closed at once. */
const MAX_CONNECTIONS = 4_096;
const PAYLOAD_TOO_LARGE = 413;
const UNSUPPORTED_MEDIA_TYPE = 415;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** Creates a server that reads JSON bodies within limits and writes errors in the form of the API that was called. */
export function createServer(log: Logger): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: API_BODY_LIMIT_BYTES,
    requestTimeout: BODY_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: true,
    genReqId: () => `req_${randomUUID().replaceAll('-', '')}`,
    requestIdHeader: false,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      // The access guard refuses such a request, in the form of the API.
      requireHostHeader: false,
    },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      sendFailure(error, request, reply, log);
    },
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer) => {
    checkContentType(request);
    return readJsonBody(body, request.headers['content-encoding']);
  });
  server.addHook('onRequest', async (request, reply) => {
    setRequestId(request, reply);
  });
  server.setErrorHandler(async (thrown, request, reply) => {
    if (failureOf(thrown).status === PAYLOAD_TOO_LARGE) await drain(request.raw);
    return sendFailure(thrown, request, reply, log);
  });
  server.setNotFoundHandler((request, reply) => {
    const error = ShoalError.invalidRequest(`This API has no route ${request.method} ${pathOf(request)}.`);
    return sendFailure(new HttpError(404, error), request, reply, log);
  });
  return server;
}

function sendFailure(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  const known = failureOf(thrown);
  const failure = known.status === PAYLOAD_TOO_LARGE ? tooLarge(API_BODY_LIMIT_BYTES) : known;
  logInternal(failure.error, log);
  const { status, body } = WRITE_ERROR[apiNameOf(request.url, request.headers)](
    failure.error,
    failure.status,
    request.id,
  );
  const wait = retryAfter(failure);
  if (wait !== undefined) void reply.header('retry-after', wait);
  setRequestId(request, reply);
  return reply.code(status).send(body);
}

/** Anthropic's SDK reads another name of the header. */
function setRequestId(request: FastifyRequest, reply: FastifyReply): void {
  const name = apiNameOf(request.url, request.headers) === 'anthropic' ? 'request-id' : 'x-request-id';
  void reply.header(name, request.id);
}

/** Programs of Ollama's API, such as plain `curl -d`, send any content type. */
function checkContentType(request: FastifyRequest): void {
  const type = request.headers['content-type'];
  if (apiNameOf(request.url, request.headers) === 'ollama' || (type !== undefined && JSON_TYPE.test(type))) return;
  const error = ShoalError.invalidRequest('The content type of the body must be application/json.');
  throw new HttpError(UNSUPPORTED_MEDIA_TYPE, error);
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? url;
}
