import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { API_BODY_LIMIT_BYTES, API_PATHS, type NodeControl } from '../api.ts';
import { createGuard } from './guard.ts';
import { errorView, STATUS_OF } from './errors.ts';
import { streamPrompt } from './prompt.ts';
import type { Logger } from '@shoal/host/log';
import { parsePromptRequest } from './prompt-request.ts';

const HOST = '127.0.0.1';
const HEADERS_TIMEOUT_MS = 10_000;
/** The longest time until a request has arrived. Answers have no limit. */
const BODY_TIMEOUT_MS = 30_000;
const TIMEOUT_CHECK_MS = 1_000;
const MAX_CONNECTIONS = 1_024;

export interface ApiOptions {
  /** 0 selects a free port. */
  readonly port: number;
  readonly token: string;
  readonly log: Logger;
  /** Called after a stop request has been answered. */
  readonly onStop: () => void;
}

/** The daemon's HTTP API for programs of the same user. */
export interface Api {
  readonly port: number;
  /** Sets the node that serves calls. Earlier calls are answered with `OVERLOADED`. */
  serve(node: NodeControl): void;
  /** Refuses new prompts. Running ones continue. */
  refusePrompts(): void;
  close(): Promise<void>;
}

/**
 * Opens the API on the loopback address. Throws `INVALID_REQUEST` if the port is in use. The API opens before the node
 * exists, so that a port in use is reported before a cluster is joined or a model is loaded.
 */
export async function openApi(options: ApiOptions): Promise<Api> {
  const server = createServer(options.log);
  const state: { node?: NodeControl | undefined; ending: boolean } = { ending: false };
  const node = (): NodeControl => {
    if (state.node === undefined)
      throw new ShoalError('OVERLOADED', 'This node is still starting. Try again in a moment.');
    return state.node;
  };
  const controlForPrompts = (): NodeControl => {
    if (state.ending) throw new ShoalError('OVERLOADED', 'This node is stopping and accepts no more prompts.');
    return node();
  };

  addGuard(server, options.token);
  addRoutes(server, node, controlForPrompts, options);
  const port = await listen(server, options.port);
  return {
    port,
    serve(control) {
      state.node = control;
    },
    refusePrompts() {
      state.ending = true;
    },
    close: () => server.close(),
  };
}

function createServer(log: Logger): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: API_BODY_LIMIT_BYTES,
    requestTimeout: BODY_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  server.setErrorHandler((thrown: FastifyError | Error, _request, reply) => {
    const { status, error } = failure(thrown);
    if (error.code === 'INTERNAL') log.error({ err: error.cause ?? error }, 'A call of the API failed');
    return sendError(reply, status, error);
  });
  server.setNotFoundHandler((request, reply) => {
    const error = ShoalError.invalidRequest(`This API has no route ${request.method} ${request.url}.`);
    return sendError(reply, 404, error);
  });
  return server;
}

function addGuard(server: FastifyInstance, token: string): void {
  const guard = createGuard(token);
  server.addHook('onRequest', async (request, reply) => {
    const refusal = guard(request.headers, request.socket.localPort ?? 0);
    if (refusal !== undefined) await sendError(reply, refusal.status, refusal.error);
  });
}

function addRoutes(
  server: FastifyInstance,
  node: () => NodeControl,
  controlForPrompts: () => NodeControl,
  { log, onStop }: ApiOptions,
): void {
  server.get(API_PATHS.status, () => node().status());
  server.get(API_PATHS.clusters, () => ({ clusters: node().clusters() }));
  server.post(API_PATHS.clusters, (request) => node().join(textOf(request.body, 'id')));
  server.delete(API_PATHS.clusters, async (request) => {
    await node().leave(textOf(request.query, 'id'));
    return { clusters: node().clusters() };
  });
  server.get(API_PATHS.peers, (request) => ({ peers: node().peers(clusterOf(request)) }));
  server.get(API_PATHS.loaded, async () => ({ models: await node().loaded() }));
  server.post(API_PATHS.prompt, async (request, reply) => {
    const prompt = parsePromptRequest(request.body);
    const control = controlForPrompts();
    reply.hijack();
    await streamPrompt(control, prompt, reply.raw, log);
  });
  server.post(API_PATHS.stop, async (_request, reply) => {
    reply.raw.once('close', onStop);
    return {};
  });
}

async function listen(server: FastifyInstance, port: number): Promise<number> {
  try {
    await server.listen({ host: HOST, port });
  } catch (error) {
    await server.close();
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    const why = code === 'EADDRINUSE' ? 'is taken by another program' : 'may not be used by this user';
    throw new ShoalError('INVALID_REQUEST', `Port ${port} ${why}. Use --port 0 for a free one, or set SHOAL_PORT.`, {
      cause: error,
    });
  }
  const address = server.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function failure(thrown: FastifyError | Error): { status: number; error: ShoalError } {
  if (thrown instanceof ShoalError) return { status: STATUS_OF[thrown.code], error: thrown };
  const status = 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 500;
  if (status === 413) {
    return { status, error: ShoalError.invalidRequest(`A request may have at most ${API_BODY_LIMIT_BYTES} bytes.`) };
  }
  // The messages of Fastify's own refusals (bad JSON, an unknown content type) are fit for users.
  if (status >= 400 && status < 500) return { status, error: ShoalError.invalidRequest(thrown.message) };
  return { status: 500, error: ShoalError.from(thrown) };
}

function sendError(reply: FastifyReply, status: number, error: ShoalError): FastifyReply {
  if (error.retryAfterMs !== undefined) void reply.header('retry-after', Math.ceil(error.retryAfterMs / 1_000));
  return reply.code(status).send({ error: errorView(error) });
}

function clusterOf(request: FastifyRequest): string | undefined {
  const { query } = request;
  return isObject(query) && 'cluster' in query ? textOf(query, 'cluster') : undefined;
}

function textOf(value: unknown, field: string): string {
  const text = isObject(value) ? value[field] : undefined;
  if (typeof text !== 'string') throw ShoalError.invalidRequest(`"${field}" must be given, once, as text.`);
  return text;
}
