import type { FastifyInstance, FastifyReply } from 'fastify';
import type { LoadedModel, OfferedModel } from '@shoal/formats/models';
import {
  readChat,
  readCopy,
  readEmbed,
  readGenerate,
  readModelName,
  readOldEmbedding,
  readPull,
  readVerbose,
  writeLoaded,
  writePullProgress,
  writeShow,
  writeTags,
  writeVersion,
} from '@shoal/formats/ollama';
import type { ModelLibrary } from '@shoal/host/models/library';
import { isNamed } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { resolveAlias } from '../call/model-route.ts';
import { answer, type ApiContext, bodyOf, takeOver } from './context.ts';
import { streamPull } from './ollama-pull.ts';

/** The version of Ollama whose API this is. Programs refuse versions that lack what they need. */
const OLLAMA_VERSION = '0.17.4';

/** Adds Ollama's API (https://github.com/ollama/ollama/blob/main/docs/api.md). */
export function addOllamaRoutes(server: FastifyInstance, context: ApiContext): void {
  addModelCalls(server, context);
  const read = { config: { scope: 'read' } } as const;
  server.get('/', { config: { scope: 'none' } }, (_request, reply) => {
    void reply.type('text/plain; charset=utf-8');
    return 'Ollama is running';
  });
  server.get('/api/version', read, () => writeVersion(OLLAMA_VERSION));
  server.get('/api/tags', read, () => writeTags(context.node().models()));
  server.get('/api/ps', read, async () => writeLoaded(await loadedModels(context), Date.now()));
  server.post('/api/show', read, (request) => {
    const { value } = bodyOf(request);
    const name = resolveAlias(readModelName(value), context.aliases);
    return writeShow(findModel(context, name), readVerbose(value));
  });
  addLibraryCalls(server, context);
}

function addModelCalls(server: FastifyInstance, context: ApiContext): void {
  const infer = { config: { scope: 'infer' } } as const;
  server.post('/api/chat', infer, (request, reply) => answer(context, 'chat', { request, reply }, readChat));
  server.post('/api/generate', infer, (request, reply) =>
    answer(context, 'text_completion', { request, reply }, readGenerate),
  );
  server.post('/api/embed', infer, (request, reply) => answer(context, 'embeddings', { request, reply }, readEmbed));
  server.post('/api/embeddings', infer, (request, reply) =>
    answer(context, 'embeddings', { request, reply }, readOldEmbedding),
  );
}

function addLibraryCalls(server: FastifyInstance, { library, node, log }: ApiContext): void {
  const admin = { config: { scope: 'admin' } } as const;
  const pull: ModelLibrary['pull'] = async (...args) => {
    await library.pull(...args);
    await node().modelsChanged();
  };
  server.post('/api/pull', admin, async (request, reply) => {
    const { model, streams } = readPull(bodyOf(request).value);
    const left = signalOf(reply);
    if (streams) {
      return streamPull(takeOver(reply), (onProgress) => pull(model, onProgress, left), log);
    }
    await pull(model, () => undefined, left);
    return writePullProgress({ status: 'success' });
  });
  server.delete('/api/delete', admin, async (request, reply) => {
    await library.remove(readModelName(bodyOf(request).value));
    await node().modelsChanged();
    return reply.send();
  });
  server.post('/api/copy', admin, async (request, reply) => {
    const { source, destination } = readCopy(bodyOf(request).value);
    await library.copy(source, destination);
    await node().modelsChanged();
    return reply.send();
  });
}

/** An engine that does not report its models in memory has an empty list. */
async function loadedModels({ node }: ApiContext): Promise<readonly LoadedModel[]> {
  const models = node().models();
  const resident = await node()
    .loaded()
    .catch((thrown: unknown) => {
      if (ShoalError.from(thrown).code === 'INVALID_REQUEST') return [];
      throw thrown;
    });
  return resident.map((loaded) => {
    const model = models.find(({ id }) => id === loaded.id) ?? { id: loaded.id, peers: [], isOwn: true };
    return { ...model, ...loaded };
  });
}

function findModel({ node }: ApiContext, name: string): OfferedModel {
  const models = node().models();
  const model = models.find((offered) => isNamed(offered, name));
  if (model !== undefined) return model;
  throw ShoalError.modelNotFound(
    name,
    models.map(({ id }) => id),
  );
}

/** Aborts when the client has left. */
function signalOf(reply: FastifyReply): AbortSignal {
  const left = new AbortController();
  reply.raw.once('close', () => left.abort(ShoalError.aborted('The client has left.')));
  return left.signal;
}
