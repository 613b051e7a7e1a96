import { type Ability, isNamed, type JsonObject, type ModelInfo } from '@shoal/protocol';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import { errorText } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { failures, readError } from './errors.ts';
import { askLlamaServer } from './llama-server.ts';

/** For the list, which needs no model in memory. */
const LIST_TIMEOUT_MS = 10_000;
/** Models of one server. */
const MAX_LISTED_MODELS = 1_024;
const HTTP_OK = 200;
const NEW_PATH = 404;
/** What the API has words for. Which of it a model can do no server tells there. */
const USUAL_ABILITIES: readonly Ability[] = ['messages', 'prompt', 'tools', 'json', 'embeddings', 'logprobs'];
/** As the field writes it; llama-server's `Q4_K - Medium` is Q4_K_M. */
const QUANTIZATION = /^[A-Z0-9_]+$/;

export interface Choice {
  readonly model: string | undefined;
  readonly contextLength: number | undefined;
}

/**
 * The models that the server lists, in its order, or the chosen one alone. Throws `CONNECT_FAILED`, `UNAUTHORIZED`,
 * `MODEL_NOT_FOUND`, for whoever owns the machine.
 */
export async function listModels(
  server: ModelServer,
  address: URL,
  choice: Choice,
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  const listed = await list(server, address, signal);
  const { model } = choice;
  const offered = model === undefined ? listed : listed.filter((one) => isNamed({ id: idOf(one) }, model));
  if (model !== undefined && offered.length === 0) throw failures.modelMissing(model, listed.map(idOf));
  if (offered.length === 0) throw failures.noModels(address);
  return Promise.all(offered.map((one) => describe(server, one, { choice, isAlone: listed.length === 1, signal })));
}

async function list(server: ModelServer, address: URL, signal: AbortSignal): Promise<readonly JsonObject[]> {
  const { status, object } = await server.requestObject({ path: 'models', signal, timeoutMs: LIST_TIMEOUT_MS });
  const cause = `models answered with ${status}`;
  if (status === NEW_PATH || (status >= 300 && status < 400)) throw failures.notOpenAi(address, cause);
  if (status !== HTTP_OK) throw readError({ status, retryAfter: undefined, text: errorText(object, '') }, '');
  if (!Array.isArray(object?.['data'])) throw failures.notOpenAi(address, cause);
  return objectsIn(object, 'data')
    .filter((one) => idOf(one) !== '')
    .slice(0, MAX_LISTED_MODELS);
}

function idOf(listed: JsonObject): string {
  return textIn(listed, 'id') ?? '';
}

interface Circumstances {
  readonly choice: Choice;
  /** A llama-server with several models loads one when it is asked about. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

async function describe(
  server: ModelServer,
  listed: JsonObject,
  { choice, isAlone, signal }: Circumstances,
): Promise<ModelInfo> {
  const id = idOf(listed);
  const meta = objectIn(listed, 'meta');
  const owner = textIn(listed, 'owned_by');
  const contextLength =
    choice.contextLength ??
    countIn(listed, 'max_model_len') ??
    countIn(meta, 'n_ctx') ??
    countIn(listed, 'context_length') ??
    countIn(listed, 'max_context_length');
  const quantization = textIn(meta, 'ftype');
  return {
    id,
    ...(contextLength !== undefined && { contextLength }),
    ...(quantization !== undefined && QUANTIZATION.test(quantization) && { quantization }),
    abilities: owner === 'llamacpp' && isAlone ? await askLlamaServer(server, id, signal) : withTokens(owner),
  };
}

/** Both of these take arrays of ids as a prompt. */
function withTokens(owner: string | undefined): readonly Ability[] {
  return owner === 'vllm' || owner === 'llamacpp' ? [...USUAL_ABILITIES, 'tokens'] : USUAL_ABILITIES;
}
