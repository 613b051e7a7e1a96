/**
 * Writes the schemas of this folder from their public sources. README.md says how it is run.
 *
 * The result has only what the tests check: the roots of each API and what they refer to, without descriptions, one definition
 * per line.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Schema = { readonly [key: string]: Json };

const OPENAI_ROOTS = [
  'CreateChatCompletionResponse',
  'CreateChatCompletionStreamResponse',
  'CreateCompletionResponse',
  'CreateEmbeddingResponse',
  'Response',
  'ResponseStreamEvent',
  'ListModelsResponse',
  'Model',
  'ErrorResponse',
];
const ANTHROPIC_ROOTS: Readonly<Record<string, readonly string[]>> = {
  'resources/messages/messages.d.ts': ['Message', 'RawMessageStreamEvent', 'MessageTokensCount'],
  'resources/models.d.ts': ['ModelInfo'],
  'resources/shared.d.ts': ['ErrorResponse'],
};
const OLLAMA_ROOTS: Readonly<Record<string, readonly string[]>> = {
  'dist/browser.d.ts': [
    'ChatResponse',
    'GenerateResponse',
    'EmbedResponse',
    'EmbeddingsResponse',
    'ListResponse',
    'ShowResponse',
    'ProgressResponse',
    'VersionResponse',
    'ErrorResponse',
  ],
};
/** OpenAI's API itself answers with these types too: `usage` is null until the end, and vectors may be base64. */
const OPENAI_ALSO: readonly (readonly [name: string, key: string, type: string])[] = [
  ['Response', 'usage', 'null'],
  ['Embedding', 'embedding', 'string'],
];
/** Keys that only the last object of a streamed answer of Ollama has. */
const LAST_KEYS = [
  'done_reason',
  'context',
  'total_duration',
  'load_duration',
  'prompt_eval_count',
  'prompt_eval_duration',
  'eval_count',
  'eval_duration',
];
/**
 * Ollama's client declares keys as present that its server leaves out when they are empty or belong to another path. Each line
 * is a new definition, the one that it is made of, and the keys that may be absent.
 */
const OLLAMA_LOOSENED: readonly (readonly [name: string, from: string, absent: readonly string[]])[] = [
  ['ChatChunk', 'ChatResponse', LAST_KEYS],
  ['GenerateChunk', 'GenerateResponse', LAST_KEYS],
  ['ListedModel', 'ModelResponse', ['expires_at', 'size_vram']],
  ['RunningModel', 'ModelResponse', ['modified_at']],
  ['ShowResponse', 'ShowResponse', ['license', 'modelfile', 'parameters', 'template', 'system', 'messages']],
  ['ProgressResponse', 'ProgressResponse', ['digest', 'total', 'completed']],
];
/** Types that are other values in JSON. */
const OLLAMA_REPLACED: Readonly<Record<string, Json>> = {
  'Map<string,any>': { type: 'object' },
  Uint8Array: { type: 'string' },
};
/** Keywords that say nothing about validity. */
const NOTES = new Set([
  'description',
  'title',
  'default',
  'example',
  'examples',
  'format',
  'deprecated',
  'discriminator',
]);
/** Keywords whose value is a map from names to schemas. */
const MAPS = new Set(['properties', 'patternProperties', 'definitions']);
const DEFINITION = /^#\/(?:components\/schemas|definitions)\/(.+)$/;

const [openapiPath, modules, generator] = process.argv.slice(2);
if (openapiPath === undefined || modules === undefined || generator === undefined) {
  throw new Error('Usage: node make.ts openapi.json FOLDER/node_modules FOLDER/ts-json-schema-generator');
}
write('openai', alsoOf(closure(readJson(openapiPath, 'components', 'schemas'), OPENAI_ROOTS)));
write('anthropic', withPages(fromTypes(join(modules, '@anthropic-ai/sdk'), ANTHROPIC_ROOTS)));
write('ollama', asServed(fromTypes(join(modules, 'ollama'), OLLAMA_ROOTS)));

function fromTypes(folder: string, roots: Readonly<Record<string, readonly string[]>>): Map<string, Json> {
  const found = new Map<string, Json>();
  for (const [file, names] of Object.entries(roots)) {
    for (const name of names) {
      const flags = [
        '--no-type-check',
        '--additional-properties',
        '--expose',
        'all',
        '--path',
        join(folder, file),
        '--type',
        name,
      ];
      const generated: Json = JSON.parse(execFileSync(generator ?? '', flags, { encoding: 'utf8' }));
      for (const [key, schema] of closure(objectAt(generated, 'definitions'), [name])) found.set(key, schema);
    }
  }
  return found;
}

/** Returns OpenAI's definitions with the types that its API answers with too. */
function alsoOf(declared: ReadonlyMap<string, Json>): Map<string, Json> {
  const widened = new Map(declared);
  for (const [name, key, type] of OPENAI_ALSO) {
    // The properties may be in one of the parts that `allOf` joins.
    widened.set(name, withType(declared.get(name) ?? null, key, type));
  }
  return widened;
}

function withType(schema: Json, key: string, type: string): Json {
  if (!isObject(schema)) return schema;
  const { properties, allOf } = schema;
  const parts = Array.isArray(allOf) && { allOf: allOf.map((part: Json) => withType(part, key, type)) };
  const isHere = isObject(properties) && properties[key] !== undefined;
  const widened = isHere && { properties: { ...properties, [key]: { anyOf: [properties[key] ?? null, { type }] } } };
  return { ...schema, ...parts, ...widened };
}

/** Returns Anthropic's definitions with the list of models, and with the one error type of its API that its SDK omits. */
function withPages(declared: ReadonlyMap<string, Json>): Map<string, Json> {
  const error = declared.get('ErrorObject');
  if (!isObject(error) || !Array.isArray(error['anyOf'])) throw new Error('There is no union ErrorObject.');
  const tooLarge = {
    type: 'object',
    required: ['message', 'type'],
    properties: { message: { type: 'string' }, type: { const: 'request_too_large' } },
  };
  const id = { type: ['string', 'null'] };
  const page = {
    type: 'object',
    required: ['data', 'has_more', 'first_id', 'last_id'],
    properties: {
      data: { type: 'array', items: { $ref: '#/$defs/ModelInfo' } },
      has_more: { type: 'boolean' },
      first_id: id,
      last_id: id,
    },
  };
  return new Map(declared).set('ErrorObject', { anyOf: [...error['anyOf'], tooLarge] }).set('ModelPage', page);
}

/** Returns Ollama's definitions with the keys that its server really sends. */
function asServed(declared: ReadonlyMap<string, Json>): Map<string, Json> {
  const served = new Map(declared);
  for (const [name, schema] of Object.entries(OLLAMA_REPLACED)) served.set(name, schema);
  for (const [name, from, absent] of OLLAMA_LOOSENED) {
    const schema = declared.get(from);
    if (!isObject(schema) || !Array.isArray(schema['required'])) throw new Error(`There is no object ${from}.`);
    served.set(name, { ...schema, required: schema['required'].filter((key) => !absent.includes(String(key))) });
  }
  const listOf = (name: string): Json => ({
    type: 'object',
    required: ['models'],
    properties: { models: { type: 'array', items: { $ref: `#/$defs/${name}` } } },
  });
  served.set('ListResponse', listOf('ListedModel')).set('RunningResponse', listOf('RunningModel'));
  for (const unused of ['ArrayBuffer', 'ArrayBufferLike', 'ModelResponse']) served.delete(unused);
  return served;
}

/** Returns the named schemas and all that they refer to, reduced. */
function closure(schemas: Schema, roots: readonly string[]): Map<string, Json> {
  const found = new Map<string, Json>();
  const names = [...roots];
  for (const name of names) {
    const schema = schemas[name];
    if (schema === undefined) throw new Error(`There is no schema ${name}.`);
    if (found.has(name)) continue;
    found.set(
      name,
      reduce(schema, name, (referred) => names.push(referred)),
    );
  }
  return found;
}

/** Returns a schema without notes, with references into `$defs` and with the four repairs. */
function reduce(schema: Json, root: string, refer: (name: string) => void): Json {
  if (Array.isArray(schema)) return schema.map((item: Json) => reduce(item, root, refer));
  if (!isObject(schema)) return schema;
  const kept: Record<string, Json> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (NOTES.has(key) || key.startsWith('x-') || key === '$recursiveAnchor' || key === 'nullable') continue;
    if (key === '$ref' || key === '$recursiveRef') {
      const name = key === '$ref' ? definitionName(value) : root;
      refer(name);
      kept['$ref'] = `#/$defs/${encodeURIComponent(name)}`;
    } else if (key === 'enum' || key === 'const' || key === 'required') {
      kept[key] = value;
    } else if (MAPS.has(key) && isObject(value)) {
      kept[key] = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, reduce(one, root, refer)]));
    } else {
      kept[key] = reduce(value, root, refer);
    }
  }
  return nullable(schema, exclusive(kept));
}

/** OpenAPI 3.0's `exclusiveMinimum: true` beside `minimum` is one number in JSON Schema. */
function exclusive({ exclusiveMinimum, minimum, ...rest }: Record<string, Json>): Record<string, Json> {
  if (exclusiveMinimum === true && minimum !== undefined) return { ...rest, exclusiveMinimum: minimum };
  return {
    ...rest,
    ...(minimum !== undefined && { minimum }),
    ...(typeof exclusiveMinimum === 'number' && { exclusiveMinimum }),
  };
}

/** OpenAPI 3.0's `nullable` is one more type in JSON Schema. */
function nullable(original: Schema, kept: Record<string, Json>): Json {
  return original['nullable'] === true ? { anyOf: [kept, { type: 'null' }] } : kept;
}

function definitionName(reference: Json): string {
  const name = typeof reference === 'string' ? DEFINITION.exec(reference)?.[1] : undefined;
  if (name === undefined) throw new Error(`An unknown reference: ${JSON.stringify(reference)}`);
  return decodeURIComponent(name);
}

function write(api: string, schemas: ReadonlyMap<string, Json>): void {
  const lines = [...schemas].map(([name, schema]) => `${JSON.stringify(name)}: ${JSON.stringify(schema)}`);
  writeFileSync(join(import.meta.dirname, `${api}.json`), `{"$defs": {\n${lines.toSorted().join(',\n')}\n}}\n`);
}

function readJson(path: string, ...keys: readonly string[]): Schema {
  let found: Json = JSON.parse(readFileSync(path, 'utf8'));
  for (const key of keys) found = objectAt(found, key);
  if (!isObject(found)) throw new Error(`${path} has no object at ${keys.join('.')}.`);
  return found;
}

function objectAt(value: Json, key: string): Schema {
  const found = isObject(value) ? value[key] : undefined;
  if (!isObject(found)) throw new Error(`There is no object "${key}".`);
  return found;
}

function isObject(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
