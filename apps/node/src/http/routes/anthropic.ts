import type { FastifyInstance } from 'fastify';
import { readCount, readMessages } from '@shoal/formats/anthropic';
import { answer, type ApiContext } from './context.ts';

/** Adds Anthropic's Messages API (https://docs.anthropic.com/en/api/messages). Its models are beside OpenAI's. */
export function addAnthropicRoutes(server: FastifyInstance, context: ApiContext): void {
  const infer = { config: { scope: 'infer' } } as const;
  server.post('/v1/messages', infer, (request, reply) => answer(context, 'chat', { request, reply }, readMessages));
  server.post('/v1/messages/count_tokens', infer, (request, reply) =>
    answer(context, 'count_tokens', { request, reply }, readCount),
  );
}
