import type { FastifyInstance } from 'fastify';
import { writeModel as writeAnthropicModel, writeModelList as writeAnthropicModelList } from '@shoal/formats/anthropic';
import { readChat, readCompletion, readEmbedding, writeModel, writeModelList } from '@shoal/formats/openai';
import { isNamed } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { isAnthropic } from '../api-name.ts';
import { answer, type ApiContext } from './context.ts';

/** Adds the calls of OpenAI's API except `responses` (https://platform.openai.com/docs/api-reference). */
export function addOpenAiRoutes(server: FastifyInstance, context: ApiContext): void {
  const infer = { config: { scope: 'infer' } } as const;
  const read = { config: { scope: 'read' } } as const;
  server.post('/v1/chat/completions', infer, (request, reply) => answer(context, 'chat', { request, reply }, readChat));
  server.post('/v1/completions', infer, (request, reply) =>
    answer(context, 'text_completion', { request, reply }, readCompletion),
  );
  server.post('/v1/embeddings', infer, (request, reply) =>
    answer(context, 'embeddings', { request, reply }, readEmbedding),
  );
  server.get('/v1/models', read, ({ headers }) => {
    const models = context.node().models();
    return isAnthropic(headers) ? writeAnthropicModelList(models) : writeModelList(models);
  });
  // Ids may contain slashes.
  server.get<{ Params: { '*': string } }>('/v1/models/*', read, ({ params, headers }) => {
    const { '*': id } = params;
    const models = context.node().models();
    const model = models.find((offered) => isNamed(offered, id));
    if (model === undefined)
      throw ShoalError.modelNotFound(
        id,
        models.map((offered) => offered.id),
      );
    return isAnthropic(headers) ? writeAnthropicModel(model) : writeModel(model);
  });
}
