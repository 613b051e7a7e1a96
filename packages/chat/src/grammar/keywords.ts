import { isObject, type JsonObject, ShoalError } from '@shoal/protocol';

/** Of what an error says of a schema: names in it are the sender's. */
const MAX_PATH_CHARS = 200;
/** llama.cpp takes no more (MAX_REPETITION_THRESHOLD), and lets everything pass where an upper end is beyond. */
const MAX_REPETITION = 2000;
/** Of one keyword: llama.cpp follows them all at once. */
const MAX_ALTERNATIVES = 256;

/** They say something to people, and nothing of which values fit. */
const ANNOTATIONS = new Set([
  '$anchor',
  '$comment',
  '$id',
  '$schema',
  'contentEncoding',
  'contentMediaType',
  'default',
  'deprecated',
  'description',
  'discriminator',
  'example',
  'examples',
  'externalDocs',
  'readOnly',
  'title',
  'writeOnly',
]);

const DEFINITIONS = new Set(['$defs', 'definitions']);

const SUPPORTED = new Set([
  '$ref',
  'additionalItems',
  'additionalProperties',
  'allOf',
  'anyOf',
  'const',
  'enum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'items',
  'maxItems',
  'maxLength',
  'maximum',
  'minItems',
  'minLength',
  'minimum',
  'oneOf',
  'pattern',
  'prefixItems',
  'properties',
  'required',
  'type',
]);

/** Keywords with one value that says nothing. */
const HARMLESS: Readonly<Record<string, unknown>> = { minProperties: 0, nullable: false, uniqueItems: false };

/** `path` says where in the schema, as a JSON pointer. */
export function unfit(path: string, why: string): ShoalError {
  const clipped = path.length > MAX_PATH_CHARS ? `${path.slice(0, MAX_PATH_CHARS)}…` : path;
  return ShoalError.invalidRequest(`The JSON schema cannot be used: at ${clipped}, ${why}.`);
}

/** What of a schema says which values fit. Throws `INVALID_REQUEST` that names a keyword which cannot be kept to. */
export function assertions(schema: JsonObject, path: string): JsonObject {
  const kept: [string, unknown][] = [];
  for (const [keyword, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword) || DEFINITIONS.has(keyword) || keyword.startsWith('x-')) continue;
    if (Object.hasOwn(HARMLESS, keyword) && HARMLESS[keyword] === value) continue;
    if (!SUPPORTED.has(keyword)) throw unfit(path, `"${keyword.slice(0, MAX_PATH_CHARS)}" is not supported`);
    kept.push([keyword, value]);
  }
  return Object.fromEntries(kept);
}

/** A schema as an object: `true` is one that everything fits, and nothing fits `false`. */
export function asSchema(value: unknown, path: string): JsonObject {
  if (value === true) return {};
  if (value === false) throw unfit(path, 'the schema false lets nothing fit');
  if (!isObject(value)) throw unfit(path, 'a schema must be an object');
  return value;
}

export function schemasOf(schema: JsonObject, keyword: string, path: string): JsonObject[] {
  const value = schema[keyword];
  if (!Array.isArray(value) || value.length === 0) throw unfit(path, `"${keyword}" must be a list that is not empty`);
  if (value.length > MAX_ALTERNATIVES) throw unfit(path, `"${keyword}" has more than ${MAX_ALTERNATIVES} schemas`);
  return value.map((item: unknown, index) => asSchema(item, `${path}/${keyword}/${index}`));
}

/** A whole number from 0, or undefined where the keyword is not there. */
function countOf(schema: JsonObject, keyword: string, path: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw unfit(path, `"${keyword}" must be a whole number from 0`);
  }
  return value;
}

export function textOf(schema: JsonObject, keyword: string, path: string): string | undefined {
  const value = schema[keyword];
  if (value !== undefined && typeof value !== 'string') throw unfit(path, `"${keyword}" must be a text`);
  return value;
}

/** How often something is repeated. */
export interface Bounds {
  readonly least: number;
  readonly most: number | undefined;
}

export function boundsOf(schema: JsonObject, [minimum, maximum]: readonly [string, string], path: string): Bounds {
  const least = countOf(schema, minimum, path) ?? 0;
  const most = countOf(schema, maximum, path);
  if (most !== undefined && least > most) throw unfit(path, `"${minimum}" is more than "${maximum}"`);
  if (least > MAX_REPETITION) throw unfit(path, `"${minimum}" may be at most ${MAX_REPETITION}`);
  if (most !== undefined && most > MAX_REPETITION) throw unfit(path, `"${maximum}" may be at most ${MAX_REPETITION}`);
  return { least, most };
}
