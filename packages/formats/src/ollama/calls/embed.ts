import { MAX_EMBED_TEXTS } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../../body-fields.ts';
import type { Call } from '../../call.ts';
import { unitVector } from '../../embeddings.ts';
import { bodyFields, readCallFields } from './fields.ts';
import { nanoseconds } from './last-object.ts';

const MAX_DIMENSIONS = 1_000_000;
/** A call without a text loads the model. Embedding one is the only thing that every such model can do. */
const LOADING_TEXT = ' ';

/** Reads the body of `/api/embed`. Throws `INVALID_REQUEST` that names the field. */
export function readEmbed(body: JsonObject): Call {
  const fields = bodyFields(body);
  const texts = readInput(fields);
  const dimensions = fields.integer('dimensions', 0, MAX_DIMENSIONS) ?? 0;
  return embedCall(fields, texts, (vectors, { promptTokens }, { model, startedAt, now }) => ({
    model: model(),
    embeddings: vectors.map((vector) => shorten(vector, dimensions)),
    ...(texts.length > 0 && {
      total_duration: nanoseconds(now() - startedAt),
      load_duration: 0,
      prompt_eval_count: promptTokens,
    }),
  }));
}

/** Reads the body of `/api/embeddings`, the older API. Its vectors have length 1 here. */
export function readOldEmbedding(body: JsonObject): Call {
  const fields = bodyFields(body);
  const prompt = fields.string('prompt') ?? '';
  return embedCall(fields, prompt === '' ? [] : [prompt], ([embedding = []]) => ({ embedding }));
}

type Vectors = readonly (readonly number[])[];
type Write = (
  vectors: Vectors,
  usage: { readonly promptTokens?: number | undefined },
  context: Parameters<Call['write']>[1],
) => object;

/** `truncate` changes nothing: a text is never cut. */
function embedCall(fields: BodyFields, texts: readonly string[], write: Write): Call {
  fields.boolean('truncate');
  const { models, request } = readCallFields(fields);
  const isEmpty = texts.length === 0;
  return {
    models,
    request: { ...request, input: { type: 'embeddings', texts: isEmpty ? [LOADING_TEXT] : texts } },
    count: 1,
    streams: false,
    write: ([answer], context) => write(isEmpty ? [] : (answer?.vectors ?? []), answer?.usage ?? {}, context),
    stream: () => {
      throw new ShoalError('INTERNAL', 'Embeddings are not streamed.');
    },
  };
}

function readInput(fields: BodyFields): readonly string[] {
  const value = fields.read('input') ?? [];
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (Array.isArray(value) && value.length <= MAX_EMBED_TEXTS && value.every((text) => typeof text === 'string')) {
    return value;
  }
  throw ShoalError.invalidRequest(
    `"${fields.name('input')}" must be a text or a list of at most ${MAX_EMBED_TEXTS} texts.`,
  );
}

/** Keeps the first `dimensions` parts of a vector, scaled to length 1 again. 0 keeps all. */
function shorten(vector: readonly number[], dimensions: number): readonly number[] {
  if (dimensions === 0 || dimensions >= vector.length) return vector;
  const kept = vector.slice(0, dimensions);
  return unitVector(kept) ?? kept;
}
