import { isObject, type JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';

/** The length of a path or keyword in an error message: the sender chooses them. */
const MAX_PATH_CHARS = 200;
/** llama.cpp's limit (MAX_REPETITION_THRESHOLD). It ignores upper bounds beyond it. */
const MAX_REPETITION = 2000;
/** The schemas of one keyword: llama.cpp follows all of them at once. */
const MAX_ALTERNATIVES = 256;

/** Keywords for people, which do not restrict values. */
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

/** Keywords with a value that restricts nothing. */
const HARMLESS: Readonly<Record<string, unknown>> = { minProperties: 0, nullable: false, uniqueItems: false };

/** Returns the error for an unsupported schema. `path` is a JSON pointer into it. */
export function unfit(path: string, why: string): ShoalError {
  const clipped = path.length > MAX_PATH_CHARS ? `${path.slice(0, MAX_PATH_CHARS)}…` : path;
  return ShoalError.invalidRequest(`The JSON schema cannot be used: at ${clipped}, ${why}.`);
}

/** Returns the keywords of a schema that restrict values. Throws `INVALID_REQUEST` with the first unsupported keyword. */
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

/** Returns a schema as an object. `true` is a schema that every value fits. */
export function asSchema(value: unknown, path: string): JsonObject {
  if (value === true) return {};
  if (value === false) throw unfit(path, 'no value fits the schema false');
  if (!isObject(value)) throw unfit(path, 'a schema must be an object');
  return value;
}

export function schemasOf(schema: JsonObject, keyword: string, path: string): JsonObject[] {
  const value = schema[keyword];
  if (!Array.isArray(value) || value.length === 0) throw unfit(path, `"${keyword}" must be a list that is not empty`);
  if (value.length > MAX_ALTERNATIVES) throw unfit(path, `"${keyword}" has more than ${MAX_ALTERNATIVES} schemas`);
  return value.map((item: unknown, index) => asSchema(item, `${path}/${keyword}/${index}`));
}

/** Returns a whole number from 0; undefined if the keyword is absent. */
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
  if (value !== undefined && typeof value !== 'string') throw unfit(path, `"${keyword}" must be a string`);
  return value;
}

/** The bounds of a number of repetitions. */
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
