import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  previousResponseId,
  readResponses,
  type ResponsesCall,
  type StoredResponse,
  writeDeleted,
  writeInputItems,
  writeStored,
} from '@shoal/formats/openai/responses';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { HttpError } from '../http-error.ts';
import { ResponsesStore } from '../responses-store.ts';
import { answer, type ApiContext, bodyOf, callerOf } from './context.ts';

interface ById {
  readonly Params: { readonly id: string };
}

/** Adds OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses). */
export function addResponsesRoutes(server: FastifyInstance, context: ApiContext): void {
  const infer = { config: { scope: 'infer' } } as const;
  const store = new ResponsesStore();
  const find = (request: FastifyRequest<ById>): StoredResponse => {
    const stored = store.find(callerOf(request), request.params.id);
    if (stored === undefined) throw notFound(request.params.id);
    return stored;
  };
  server.post('/v1/responses', infer, (request, reply) => {
    const caller = callerOf(request);
    const { value } = bodyOf(request);
    const previousId = previousResponseId(value);
    const previous = previousId === undefined ? undefined : store.find(caller, previousId);
    const call: ResponsesCall = readResponses(value, previous);
    return answer(
      context,
      'chat',
      { request, reply },
      () => call,
      (completed, answerContext) => {
        if (call.stores) store.add(caller, call.stored(completed, answerContext));
      },
    );
  });
  server.get<ById>('/v1/responses/:id', infer, (request) => writeStored(find(request)));
  server.get<ById>('/v1/responses/:id/input_items', infer, (request) =>
    writeInputItems(find(request), isObject(request.query) ? request.query : {}),
  );
  server.delete<ById>('/v1/responses/:id', infer, (request) => {
    const { id } = request.params;
    if (!store.remove(callerOf(request), id)) throw notFound(id);
    return writeDeleted(id);
  });
}

function notFound(id: string): HttpError {
  return new HttpError(404, ShoalError.invalidRequest(`No response "${id}" is stored here for this caller.`));
}
