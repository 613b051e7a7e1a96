import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { API_PATHS } from '../../api.ts';
import { streamPrompt } from '../prompt.ts';
import { parsePromptRequest } from '../prompt-request.ts';
import { type ApiContext, bodyOf } from './context.ts';

/** Adds the calls that control the node and that the command line uses. */
export function addControlRoutes(server: FastifyInstance, { node, nodeForCalls, log, onStop }: ApiContext): void {
  const admin = { config: { scope: 'admin' } } as const;
  server.get(API_PATHS.status, admin, () => node().status());
  server.get(API_PATHS.clusters, admin, () => ({ clusters: node().clusters() }));
  server.post(API_PATHS.clusters, admin, (request) => node().join(textOf(bodyOf(request).value, 'id')));
  server.delete(API_PATHS.clusters, admin, async (request) => {
    await node().leave(textOf(request.query, 'id'));
    return { clusters: node().clusters() };
  });
  server.get(API_PATHS.peers, admin, (request) => ({ peers: node().peers(clusterOf(request)) }));
  server.get(API_PATHS.loaded, admin, async () => ({ models: await node().loaded() }));
  server.post(API_PATHS.prompt, admin, async (request, reply) => {
    const prompt = parsePromptRequest(bodyOf(request).value);
    const control = nodeForCalls();
    reply.hijack();
    await streamPrompt(control, prompt, reply.raw, log);
  });
  server.post(API_PATHS.stop, admin, async (_request, reply) => {
    reply.raw.once('close', onStop);
    return {};
  });
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
