import type { GenerationEvent } from '@shoal/client';
import type { Call } from '@shoal/formats/call';
import { isNamed, MAX_DEADLINE_MS } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { MAX_REQUEST_BYTES } from '@shoal/protocol/shoal';
import type { NodeControl } from '../../api.ts';
import { tooLarge } from '../json-body.ts';
import { CallAnswer } from './call-answer.ts';
import type { HttpExchange } from './exchange.ts';
import { type ModelRoute, routesOf } from './model-route.ts';

type Generating = Pick<NodeControl, 'prompt'>;

/** Starts the answers of a call. Throws if its models cannot be asked. */
export function startAnswers(call: Call, exchange: HttpExchange): readonly CallAnswer[] {
  const routes = checkedRoutes(call, exchange);
  const node = call.loadsModel === true ? nodeThatLoads(exchange.node, routes) : exchange.node;
  return Array.from({ length: call.count }, (_, choice) => {
    return new CallAnswer(node, requestOf(call, exchange, choice), routes);
  });
}

/** Throws with status 413 if only a peer has the model and the request is too large to be sent to one. */
function checkedRoutes({ models: names, request }: Call, exchange: HttpExchange): readonly ModelRoute[] {
  const { node, aliases, bodyBytes } = exchange;
  const models = node.models();
  const clusters = node.clusters().map(({ id }) => id);
  const routes = routesOf(names, request, { aliases, clusters, models });
  if (bodyBytes > MAX_REQUEST_BYTES) {
    const own = models.filter(({ isOwn }) => isOwn);
    const isOwn = routes.some(({ model }) => own.some((offered) => model === undefined || isNamed(offered, model)));
    if (!isOwn) throw tooLarge(MAX_REQUEST_BYTES, 'A request to a model of another peer');
  }
  return routes;
}

/** With a seed, each answer needs its own. */
function requestOf({ request, streams }: Call, { headers }: HttpExchange, choice: number): InferenceRequest {
  const { seed } = request.sampling;
  const timeout = streams ? undefined : timeoutMs(headers['x-stainless-timeout']);
  return {
    ...request,
    ...(timeout !== undefined && { deadlineMs: Math.min(request.deadlineMs ?? timeout, timeout) }),
    ...(choice > 0 && seed !== undefined && { sampling: { ...request.sampling, seed: seed + choice } }),
  };
}

/** The SDKs of OpenAI and Anthropic tell their timeout in whole seconds. */
function timeoutMs(header: string | string[] | undefined): number | undefined {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds * 1_000), MAX_DEADLINE_MS) : undefined;
}

/** Returns the node, or one that does nothing if the model's worker cannot count tokens, which is how a model is loaded. */
function nodeThatLoads(node: NodeControl, [route]: readonly ModelRoute[]): Generating {
  const model = node.models().find((offered) => route?.model !== undefined && isNamed(offered, route.model));
  if (model?.abilities === undefined || model.abilities.includes('count')) return node;
  return { prompt: loadedAlready };
}

async function* loadedAlready(): AsyncGenerator<GenerationEvent> {
  yield { type: 'finish', reason: 'stop', rawReason: 'load' };
}
