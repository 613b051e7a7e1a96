import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { z } from 'zod';
import { ShoalError } from '@shoal/protocol/error';
import type { View } from '../../api/schemas.ts';
import { callerName } from '../caller-name.ts';
import { CONTROL_CALLS, type ControlCall } from '../control-calls.ts';
import { openApiDocument } from '../openapi.ts';
import { streamPrompt } from '../prompt.ts';
import { parsePromptRequest } from '../prompt-request.ts';
import { type ApiContext, bodyOf, takeOver } from './context.ts';

type Handler<Answer> = (request: FastifyRequest, reply: FastifyReply) => Answer | Promise<Answer>;

/** Adds the calls that control the node and that the command line uses. */
export function addControlRoutes(
  server: FastifyInstance,
  { node, nodeForCalls, requests, log, onStop }: ApiContext,
): void {
  const calls = CONTROL_CALLS;
  const add = <Call extends ControlCall>(call: Call, handler: Handler<View<Call['answer']>>): void => {
    server.route({ ...routeOf(call), handler });
  };
  add(calls.getStatus, () => node().status());
  add(calls.listClusters, () => ({ clusters: node().clusters() }));
  add(calls.joinCluster, (request) => {
    const { id, lend } = checked(calls.joinCluster.body, bodyOf(request).value);
    return node().join(id, lend);
  });
  add(calls.leaveCluster, async ({ query }) => {
    await node().leave(checked(calls.leaveCluster.query, query).id);
    return { clusters: node().clusters() };
  });
  add(calls.listPeers, ({ query }) => ({ peers: node().peers(checked(calls.listPeers.query, query).cluster) }));
  add(calls.listLoadedModels, async () => ({ models: await node().loaded() }));
  add(calls.stop, (_request, reply) => {
    reply.raw.once('close', onStop);
    return {};
  });
  add(calls.getOpenApi, () => openApiDocument());
  server.route({
    ...routeOf(calls.prompt),
    async handler(request, reply) {
      const prompt = parsePromptRequest(bodyOf(request).value);
      const control = nodeForCalls();
      const call = {
        who: callerName(request),
        via: 'shoal',
        model: prompt.request.model ?? '',
        request: prompt.request,
      };
      await streamPrompt(control, prompt, { response: takeOver(reply), log, metrics: requests.begin(call) });
    },
  });
}

function routeOf({ method, path, scope }: ControlCall): Pick<RouteOptions, 'method' | 'url' | 'config'> {
  return { method, url: path, config: { scope } };
}

/** Returns a part of a request as its schema describes it. Throws `INVALID_REQUEST`. */
function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw ShoalError.invalidRequest(result.error.issues[0]?.message ?? 'The request is not valid.');
}
