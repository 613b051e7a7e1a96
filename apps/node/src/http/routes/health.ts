import type { FastifyInstance } from 'fastify';
import { ShoalError } from '@shoal/protocol/error';
import { traffic } from '@shoal/transport';
import type { NodeFigures } from '../metrics/metrics.ts';
import { answersNoMessages, lendingProblem, unavailableProblem } from '../../lent-models.ts';
import type { ApiContext } from './context.ts';

const UNAVAILABLE = 503;

/** Adds the calls of load balancers and monitors. */
export function addHealthRoutes(server: FastifyInstance, context: ApiContext): void {
  server.get('/livez', { config: { scope: 'none' } }, () => ({ status: 'alive' }));
  server.get('/readyz', { config: { scope: 'none' } }, (_request, reply) => {
    const reason = whyNotReady(context);
    if (reason === undefined) return { status: 'ready' };
    return reply.code(UNAVAILABLE).send({ status: 'not ready', reason });
  });
  server.get('/metrics', { config: { scope: 'read' } }, async (_request, reply) => {
    const { metrics } = context;
    const body = await metrics.render(figuresOf(context));
    return reply.type(metrics.contentType).send(body);
  });
}

function figuresOf(context: ApiContext): NodeFigures {
  const node = context.node();
  const { load, health } = node.status();
  const ready = whyNotReady(context) === undefined;
  return { queue: load.queued, workers: node.workers(), traffic: traffic(), health, ready };
}

/** Returns the reason why the node cannot answer a request now. Undefined if it can. */
function whyNotReady({ nodeForCalls }: ApiContext): string | undefined {
  try {
    const node = nodeForCalls();
    const { models: lent } = node.status();
    if (answersNoMessages(lent)) return lendingProblem(lent);
    const failed = node.unavailable();
    if (failed.length > 0 && failed.length >= lent.length) return unavailableProblem(failed);
    if (node.models().length > 0) return undefined;
    const { problems } = node.status();
    return ['No model is on offer: this node has none, and no peer lends one.', ...problems].join(' ');
  } catch (thrown) {
    return ShoalError.from(thrown).message;
  }
}
