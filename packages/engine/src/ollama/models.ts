import { isNamed, type ModelInfo } from '@shoal/protocol';
import { failures } from './errors.ts';
import { countIn, isObject, type JsonObject, objectIn, textIn } from './json.ts';
import type { OllamaServer } from './server.ts';

/** For a list or description, which Ollama gives without loading a model. */
const LIST_TIMEOUT_MS = 10_000;
const JSON_STRING = /^"(?:[^"\\]|\\["\\bfnrt]|\\u[0-9a-f]{4})*"$/;

export interface OllamaModel {
  readonly info: ModelInfo;
  /** The stop strings of its Modelfile, which those of a request would replace. */
  readonly stops: readonly string[];
}

export interface Choice {
  readonly model: string | undefined;
  readonly contextLength: number | undefined;
}

/**
 * The models that can answer, the chosen one first. Those that Ollama would only pass on to a computer elsewhere are
 * left out unless chosen: lending is of this machine. Throws `OLLAMA_NOT_FOUND`, `OLLAMA_MODEL_NOT_AVAILABLE`.
 */
export async function listModels(
  server: OllamaServer,
  address: URL,
  choice: Choice,
  signal: AbortSignal,
): Promise<readonly OllamaModel[]> {
  const { status, object } = await server.askForObject({ path: 'api/tags', signal, patienceMs: LIST_TIMEOUT_MS });
  const listed = object?.['models'];
  if (status !== 200 || !Array.isArray(listed)) throw failures.notOllama(address, `api/tags answered with ${status}`);
  const models: OllamaModel[] = [];
  for (const tag of listed) {
    const id = isObject(tag) ? textIn(tag, 'name') : undefined;
    if (id === undefined) continue;
    const isChosen = choice.model !== undefined && isNamed({ id }, choice.model);
    if (textIn(tag, 'remote_host') !== undefined && !isChosen) continue;
    const model = await describe(server, id, choice, signal);
    if (model === undefined) continue;
    if (isChosen) models.unshift(model);
    else models.push(model);
  }
  const [first] = models;
  if (choice.model !== undefined && (first === undefined || !isNamed(first.info, choice.model))) {
    throw failures.modelMissing(
      choice.model,
      models.map(({ info }) => info.id),
    );
  }
  if (first === undefined) throw failures.noModels();
  return models;
}

/** Undefined for a model that cannot answer: one for embeddings, one whose files are gone, one deleted just now. */
async function describe(
  server: OllamaServer,
  id: string,
  choice: Choice,
  signal: AbortSignal,
): Promise<OllamaModel | undefined> {
  const question = { path: 'api/show', body: { model: id }, signal, patienceMs: LIST_TIMEOUT_MS };
  const { status, object } = await server.askForObject(question);
  if (status !== 200 || object === undefined) return undefined;
  const { capabilities } = object;
  if (Array.isArray(capabilities) && !capabilities.includes('completion')) return undefined;
  const digest = digestIn(textIn(object, 'modelfile') ?? '');
  const quantization = textIn(objectIn(object, 'details'), 'quantization_level');
  const parameters = textIn(object, 'parameters') ?? '';
  const contextLength = contextLengthOf(choice.contextLength ?? numberOf('num_ctx', parameters), object);
  return {
    info: {
      id,
      ...(digest !== undefined && { digest }),
      ...(contextLength !== undefined && { contextLength }),
      ...(quantization !== undefined && quantization !== 'unknown' && { quantization }),
    },
    stops: stopsIn(parameters),
  };
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

/** Undefined where Ollama decides by itself, when it loads the model. */
function contextLengthOf(wanted: number | undefined, shown: JsonObject): number | undefined {
  const facts = objectIn(shown, 'model_info');
  const trained = countIn(facts, `${textIn(facts, 'general.architecture')}.context_length`);
  return wanted === undefined ? undefined : Math.min(wanted, trained ?? wanted);
}

/** `parameters` has a line for each: the name, blanks, the value as Go writes it. */
function valuesOf(name: string, parameters: string): string[] {
  return [...parameters.matchAll(/^(\w+)\s+(.*)$/gm)].filter((line) => line[1] === name).map((line) => line[2] ?? '');
}

function numberOf(name: string, parameters: string): number | undefined {
  const [value] = valuesOf(name, parameters);
  return value === undefined ? undefined : countIn({ value: Number(value) }, 'value');
}

/** Go quotes as JSON does but for a few characters, such as the bell; a stop string with one of those is left out. */
function stopsIn(parameters: string): string[] {
  return valuesOf('stop', parameters)
    .filter((quoted) => JSON_STRING.test(quoted))
    .map((quoted) => String(JSON.parse(quoted)));
}
