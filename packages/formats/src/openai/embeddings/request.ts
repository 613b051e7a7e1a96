import { MAX_EMBED_TEXTS } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { BodyFields } from '../../body-fields.ts';
import type { Call } from '../../call.ts';
import { readModels } from '../../model-names.ts';
import { writeEmbeddings } from './response.ts';

/** The body of `embeddings`. */
export function writeEmbeddingsRequest(texts: readonly string[], model: string): object {
  return { model, input: texts, encoding_format: 'float' };
}

/**
 * Reads a call of `embeddings` (https://platform.openai.com/docs/api-reference/embeddings/create). Unknown fields are
 * accepted. Throws `INVALID_REQUEST` that names the field.
 */
export function readEmbedding(body: JsonObject): Call {
  const fields = BodyFields.lenient(body);
  const encoding = fields.string('encoding_format') ?? 'float';
  if (encoding !== 'float' && encoding !== 'base64') {
    throw ShoalError.invalidRequest('"encoding_format" must be float or base64.');
  }
  fields.only('dimensions', []);
  return {
    models: readModels(fields),
    request: { input: { type: 'embeddings', texts: readTexts(fields) }, sampling: {}, stop: [] },
    count: 1,
    streams: false,
    write: (answers, context) => writeEmbeddings(answers, context.model(), encoding),
    stream: () => {
      throw ShoalError.invalidRequest('Embeddings cannot be streamed. Leave "stream" out.');
    },
  };
}

/** OpenAI refuses an empty text too. */
function readTexts(body: BodyFields): readonly string[] {
  const input = body.required('input', body.read('input'));
  const texts: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (texts.length > 0 && texts.every(isTokens)) {
    throw ShoalError.invalidRequest(
      '"input" has token ids, and models have different vocabularies. Send text; with LangChain, set ' +
        'check_embedding_ctx_length=False.',
    );
  }
  if (texts.length > 0 && texts.length <= MAX_EMBED_TEXTS && texts.every(isText)) return texts;
  throw ShoalError.invalidRequest(
    `"input" must be a text, or a list of 1 to ${MAX_EMBED_TEXTS} texts, none of them empty.`,
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** A token id, or a list of them. */
function isTokens(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((token) => typeof token === 'number');
  return typeof value === 'number';
}
