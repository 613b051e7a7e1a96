import { type Ability, isNamed, type ModelInfo } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import { countIn, objectIn, objectsIn, textIn } from '@shoal/formats/json';
import type { ModelServer } from '../http/server.ts';
import { failures } from './errors.ts';

/** Enough for a list or a description, for which Ollama loads no model. */
const LIST_TIMEOUT_MS = 10_000;
/** Models that are described at the same time. */
const DESCRIPTIONS_AT_ONCE_MAX = 4;
const HTTP_OK = 200;
/** Abilities by Ollama's name for them (types/model/capability.go). */
const ABILITIES_OF: ReadonlyMap<string, readonly Ability[]> = new Map([
  ['completion', ['messages', 'prompt', 'json', 'logprobs']],
  ['tools', ['tools']],
  ['embedding', ['embeddings']],
  ['thinking', ['reasoning']],
]);
const JSON_STRING = /^"(?:[^"\\]|\\["\\bfnrt]|\\u[0-9a-f]{4})*"$/;

export interface OllamaModel {
  readonly info: ModelInfo;
  /** The stop strings of its Modelfile, which those of a request replace unless both are sent. */
  readonly stops: readonly string[];
}

export interface OllamaModelOptions {
  readonly model: string | undefined;
  readonly contextLength: number | undefined;
}

/**
 * The usable models, the configured one first and those for embeddings last. Models that Ollama forwards to another computer
 * are left out unless configured. Throws `OLLAMA_NOT_FOUND` and `OLLAMA_MODEL_NOT_AVAILABLE`.
 */
export async function listModels(
  server: ModelServer,
  address: URL,
  options: OllamaModelOptions,
  signal: AbortSignal,
): Promise<readonly OllamaModel[]> {
  const ids = await listIds(server, address, options, signal);
  const described = await mapConcurrently(ids, (id) => describe(server, id, options, signal));
  const models = described
    .filter((model) => model !== undefined)
    .toSorted((one, other) => rank(one, options) - rank(other, options));
  const [first] = models;
  if (options.model !== undefined && (first === undefined || !isNamed(first.info, options.model))) {
    throw failures.modelMissing(
      options.model,
      models.map(({ info }) => info.id),
    );
  }
  if (first === undefined) throw failures.noModels();
  return models;
}

async function listIds(
  server: ModelServer,
  address: URL,
  options: OllamaModelOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { status, object } = await server.requestObject({ path: 'api/tags', signal, timeoutMs: LIST_TIMEOUT_MS });
  if (status !== HTTP_OK || !Array.isArray(object?.['models'])) {
    throw failures.notOllama(address, `api/tags answered with ${status}`);
  }
  return objectsIn(object, 'models').flatMap((tag) => {
    const id = textIn(tag, 'name');
    if (id === undefined || (textIn(tag, 'remote_host') !== undefined && !isConfigured(id, options))) return [];
    return [id];
  });
}

function rank({ info }: OllamaModel, options: OllamaModelOptions): number {
  if (isConfigured(info.id, options)) return 0;
  return info.abilities?.includes('messages') === false ? 2 : 1;
}

function isConfigured(id: string, { model }: OllamaModelOptions): boolean {
  return model !== undefined && isNamed({ id }, model);
}

/** Maps a list in order, a few items at the same time. */
async function mapConcurrently<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of entries) results[index] = await map(item);
  };
  await Promise.all(Array.from({ length: DESCRIPTIONS_AT_ONCE_MAX }, work));
  return results;
}

/** Undefined for a model that is not usable: one for images, one whose files are gone, or one deleted just now. */
async function describe(
  server: ModelServer,
  id: string,
  options: OllamaModelOptions,
  signal: AbortSignal,
): Promise<OllamaModel | undefined> {
  const request = { path: 'api/show', body: { model: id }, signal, timeoutMs: LIST_TIMEOUT_MS };
  const { status, object } = await server.requestObject(request);
  if (status !== HTTP_OK || object === undefined) return undefined;
  const abilities = abilitiesIn(object);
  if (abilities?.length === 0) return undefined;
  const digest = digestIn(textIn(object, 'modelfile') ?? '');
  const quantization = textIn(objectIn(object, 'details'), 'quantization_level');
  const parameters = textIn(object, 'parameters') ?? '';
  const contextLength = contextLengthOf(options.contextLength ?? numberOf('num_ctx', parameters), object);
  return {
    info: {
      id,
      ...(digest !== undefined && { digest }),
      ...(contextLength !== undefined && { contextLength }),
      ...(quantization !== undefined && quantization !== 'unknown' && { quantization }),
      ...(abilities !== undefined && { abilities }),
    },
    stops: stopsIn(parameters),
  };
}

/** Undefined if Ollama does not report them, as before 0.6.4. */
function abilitiesIn({ capabilities }: JsonObject): readonly Ability[] | undefined {
  if (!Array.isArray(capabilities)) return undefined;
  return [...ABILITIES_OF].flatMap(([capability, abilities]) => (capabilities.includes(capability) ? abilities : []));
}

/**
 * The digest in `api/tags` is that of Ollama's manifest. The GGUF file is a blob named after its SHA-256, in the FROM
 * line of the Modelfile. A second blob (an adapter, an image projector) makes it another model: no digest then.
 */
function digestIn(modelfile: string): string | undefined {
  const blobs = [...modelfile.matchAll(/^(FROM|ADAPTER) .*[/\\]sha256-([0-9a-f]{64})$/gm)];
  const [first] = blobs;
  return blobs.length === 1 && first?.[1] === 'FROM' ? `sha256:${first[2]}` : undefined;
}

/** Undefined if Ollama selects the length when it loads the model. */
function contextLengthOf(configured: number | undefined, description: JsonObject): number | undefined {
  const metadata = objectIn(description, 'model_info');
  const trained = countIn(metadata, `${textIn(metadata, 'general.architecture')}.context_length`);
  return configured === undefined ? undefined : Math.min(configured, trained ?? configured);
}

/** Each line of `parameters` has a name, spaces, and the value as Go formats it. */
function valuesOf(name: string, parameters: string): string[] {
  return [...parameters.matchAll(/^(\w+)\s+(.*)$/gm)].filter((line) => line[1] === name).map((line) => line[2] ?? '');
}

function numberOf(name: string, parameters: string): number | undefined {
  const [value] = valuesOf(name, parameters);
  return value === undefined ? undefined : countIn({ value: Number(value) }, 'value');
}

/** Go quotes as JSON does, except for a few characters such as the bell; stop strings with these are left out. */
function stopsIn(parameters: string): string[] {
  return valuesOf('stop', parameters)
    .filter((quoted) => JSON_STRING.test(quoted))
    .map((quoted) => String(JSON.parse(quoted)));
}
