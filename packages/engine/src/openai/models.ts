import { type Ability, isNamed, type ModelInfo } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import { errorText } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { failures, readError } from './errors.ts';
import { llamaServerAbilities } from './llama-server.ts';

/** Enough for a list, which needs no model in memory. */
const LIST_TIMEOUT_MS = 10_000;
/** Models of one server; further ones are not offered. */
const MAX_LISTED_MODELS = 1_024;
const HTTP_OK = 200;
const HTTP_NOT_FOUND = 404;
/** The abilities that the API supports. Servers do not report which of them a model has. */
const USUAL_ABILITIES: readonly Ability[] = ['messages', 'prompt', 'tools', 'json', 'embeddings', 'logprobs'];
/** The usual notation; llama-server writes `Q4_K - Medium` for Q4_K_M, which is left out. */
const QUANTIZATION = /^[A-Z0-9_]+$/;

export interface OpenAiModelOptions {
  readonly model: string | undefined;
  readonly contextLength: number | undefined;
}

/**
 * The models that the server lists, in its order, or only the configured one. Throws `CONNECT_FAILED`, `UNAUTHORIZED` and
 * `MODEL_NOT_FOUND` with messages for the machine's owner.
 */
export async function listModels(
  server: ModelServer,
  address: URL,
  options: OpenAiModelOptions,
  signal: AbortSignal,
): Promise<readonly ModelInfo[]> {
  const listed = await list(server, address, signal);
  const { model } = options;
  const offered = model === undefined ? listed : listed.filter((one) => isNamed({ id: idOf(one) }, model));
  if (model !== undefined && offered.length === 0) throw failures.modelMissing(model, listed.map(idOf));
  if (offered.length === 0) throw failures.noModels(address);
  return Promise.all(offered.map((one) => describe(server, one, { options, isAlone: listed.length === 1, signal })));
}

async function list(server: ModelServer, address: URL, signal: AbortSignal): Promise<readonly JsonObject[]> {
  const { status, object } = await server.requestObject({ path: 'models', signal, timeoutMs: LIST_TIMEOUT_MS });
  const cause = `models answered with ${status}`;
  if (status === HTTP_NOT_FOUND || (status >= 300 && status < 400)) throw failures.notOpenAi(address, cause);
  if (status !== HTTP_OK) throw readError({ status, retryAfter: undefined, text: errorText(object, '') }, '');
  if (!Array.isArray(object?.['data'])) throw failures.notOpenAi(address, cause);
  return objectsIn(object, 'data')
    .filter((one) => idOf(one) !== '')
    .slice(0, MAX_LISTED_MODELS);
}

function idOf(listed: JsonObject): string {
  return textIn(listed, 'id') ?? '';
}

interface DescribeOptions {
  readonly options: OpenAiModelOptions;
  /** True if the server has one model. With several, llama-server loads each model that is described. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

async function describe(
  server: ModelServer,
  listed: JsonObject,
  { options, isAlone, signal }: DescribeOptions,
): Promise<ModelInfo> {
  const id = idOf(listed);
  const meta = objectIn(listed, 'meta');
  const owner = textIn(listed, 'owned_by');
  const contextLength =
    options.contextLength ??
    countIn(listed, 'max_model_len') ??
    countIn(meta, 'n_ctx') ??
    countIn(listed, 'context_length') ??
    countIn(listed, 'max_context_length');
  const quantization = textIn(meta, 'ftype');
  return {
    id,
    ...(contextLength !== undefined && { contextLength }),
    ...(quantization !== undefined && QUANTIZATION.test(quantization) && { quantization }),
    abilities: owner === 'llamacpp' && isAlone ? await llamaServerAbilities(server, id, signal) : abilitiesOf(owner),
  };
}

/** vLLM and llama-server accept token ids as a prompt. */
function abilitiesOf(owner: string | undefined): readonly Ability[] {
  return owner === 'vllm' || owner === 'llamacpp' ? [...USUAL_ABILITIES, 'tokens'] : USUAL_ABILITIES;
}
