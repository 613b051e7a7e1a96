import { hostname } from 'node:os';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Configuration } from '@shoal/host/configuration';
import type { TokenStore } from '@shoal/host/home/token-store';
import type { Logger } from '@shoal/host/log';
import type { ModelLibrary } from '@shoal/host/models/library';
import { isNamed } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { NodeControl } from '../api.ts';
import { type AccessGuard, createAccessGuard } from './access/access.ts';
import { HttpError } from './http-error.ts';
import { Metrics } from './metrics/metrics.ts';
import { RateLimits } from './rate-limit.ts';
import type { RequestLog } from '../requests/request-log.ts';
import { addAnthropicRoutes } from './routes/anthropic.ts';
import type { ApiContext } from './routes/context.ts';
import { addControlRoutes } from './routes/control.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addOllamaRoutes } from './routes/ollama.ts';
import { addOpenAiRoutes } from './routes/openai.ts';
import { addResponsesRoutes } from './routes/responses.ts';
import { createServer } from './server.ts';

/** The caller of calls without a token of their own, for which only programs on this machine need none. */
const LOCAL_CALLER = 'local';
const TOO_MANY_REQUESTS = 429;
/** Addresses that stand for all addresses, and one of them. */
const ADDRESS_OF_ANY: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** The settings of the API. */
type ApiSettings = Pick<Configuration, 'host' | 'port' | 'apiHosts' | 'apiOrigins' | 'aliases' | 'requestsPerMinute'>;

export interface ApiOptions {
  readonly settings: ApiSettings;
  /** The daemon's own token, which may do everything. */
  readonly token: string;
  readonly tokens: Pick<TokenStore, 'find'>;
  readonly library: ModelLibrary;
  readonly requests: RequestLog;
  readonly log: Logger;
  /** Called after a stop request has been answered. */
  readonly onStop: () => void;
}

/** The daemon's HTTP APIs: control, and those of OpenAI, Ollama and Anthropic. */
export interface Api {
  /** An address of this machine at which it listens. */
  readonly host: string;
  readonly port: number;
  /** Such as `http://127.0.0.1:17002`. */
  readonly url: string;
  /** Sets the node that serves calls. Earlier calls are answered with `OVERLOADED`. */
  serve(node: NodeControl): void;
  /** Refuses new prompts. Running ones continue. */
  refusePrompts(): void;
  close(): Promise<void>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The id of the caller's token, or `local`. */
    caller: string;
    /** The name of the caller's token. Undefined without one. */
    tokenName: string | undefined;
  }
}

/**
 * Opens the APIs. Throws `INVALID_REQUEST` if the port is in use. They open before the node exists, so that a port in use is
 * reported before a cluster is joined or a model is loaded.
 */
export async function openApi(options: ApiOptions): Promise<Api> {
  const { settings, token, tokens, library, requests, log, onStop } = options;
  const server = createServer(log);
  const state = new NodeState();
  const metrics = new Metrics({ isOffered: (name) => state.isOffered(name) });
  const context: ApiContext = {
    node: () => state.node(),
    nodeForCalls: () => state.nodeForCalls(),
    aliases: settings.aliases,
    library,
    metrics,
    requests,
    log,
    onStop,
  };
  addAccess(server, createAccessGuard({ ...settings, ownToken: token, tokens, machineName: hostname() }), settings);
  addRoutes(server, context);
  const port = await listen(server, settings);
  const host = ADDRESS_OF_ANY.get(settings.host) ?? settings.host;
  return {
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    serve: (node) => state.serve(node),
    refusePrompts: () => state.refusePrompts(),
    async close() {
      metrics.close();
      await server.close();
    },
  };
}

export function addRoutes(server: FastifyInstance, context: ApiContext): void {
  addControlRoutes(server, context);
  addHealthRoutes(server, context);
  addOpenAiRoutes(server, context);
  addResponsesRoutes(server, context);
  addOllamaRoutes(server, context);
  addAnthropicRoutes(server, context);
}

/** The node behind the API, once it exists. */
class NodeState {
  #node: NodeControl | undefined;
  #isEnding = false;

  serve(node: NodeControl): void {
    this.#node = node;
  }

  refusePrompts(): void {
    this.#isEnding = true;
  }

  node(): NodeControl {
    if (this.#node !== undefined) return this.#node;
    throw new ShoalError('OVERLOADED', 'This node is still starting. Try again in a moment.');
  }

  isOffered(name: string): boolean {
    return this.#node?.models().some((model) => isNamed(model, name)) ?? false;
  }

  nodeForCalls(): NodeControl {
    if (this.#isEnding) throw new ShoalError('OVERLOADED', 'This node is stopping and accepts no more prompts.');
    return this.node();
  }
}

/** Checks each call before its body is read. */
function addAccess(server: FastifyInstance, guard: AccessGuard, { requestsPerMinute }: ApiSettings): void {
  const rates = new RateLimits(() => performance.now());
  server.decorateRequest('caller', LOCAL_CALLER);
  server.decorateRequest('tokenName', undefined);
  server.addHook('onRequest', async (request, reply) => {
    // A path that does not exist is answered with 404, whoever asks.
    const scope = request.is404 ? 'none' : (request.routeOptions.config.scope ?? 'admin');
    const decision = guard(guardedCall(request), scope);
    void reply.headers(decision.headers);
    if (decision.type === 'preflight') return reply.code(decision.status).send();
    if (decision.type === 'refused') throw new HttpError(decision.status, decision.error);
    const { token } = decision;
    if (token === undefined) return undefined;
    request.caller = token.id;
    request.tokenName = token.name;
    const perMinute = token.requestsPerMinute ?? requestsPerMinute;
    const retryAfterMs = perMinute === undefined ? undefined : rates.take(token.id, perMinute);
    if (retryAfterMs === undefined) return undefined;
    const reason = `This token may send ${perMinute} requests a minute. Try again later.`;
    throw new HttpError(TOO_MANY_REQUESTS, new ShoalError('OVERLOADED', reason, { retryAfterMs }));
  });
}

function guardedCall({ method, headers, raw, socket }: FastifyRequest): Parameters<AccessGuard>[0] {
  return { method, headers, rawHeaders: raw.rawHeaders, port: socket.localPort ?? 0 };
}

async function listen(server: FastifyInstance, { host, port }: ApiSettings): Promise<number> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
    throw listenError(error, host, port);
  }
  const address = server.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
    case 'EACCES': {
      const why = code === 'EADDRINUSE' ? 'is taken by another program' : 'may not be used by this user';
      const advice = 'Use --port 0 for a free one, or set SHOAL_PORT.';
      return new ShoalError('INVALID_REQUEST', `Port ${port} ${why}. ${advice}`, { cause: error });
    }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ShoalError('INVALID_REQUEST', `${host} is not an address of this machine. Change --host.`, {
        cause: error,
      });
    default:
      return error;
  }
}
