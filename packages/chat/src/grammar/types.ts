import { isObject, type JsonObject } from '@shoal/protocol/json';
import { unfit } from './keywords.ts';

const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] as const;

export type SchemaType = (typeof TYPES)[number];

/** Keywords that apply to values of one type only. */
const KEYWORDS_OF_TYPE: readonly (readonly [SchemaType, readonly string[]])[] = [
  ['object', ['properties', 'required', 'additionalProperties']],
  ['array', ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems']],
  ['string', ['minLength', 'maxLength', 'pattern', 'format']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']],
];

/** Returns the types of a schema, or those to which its keywords apply. Undefined if any type fits. */
export function typesOf(schema: JsonObject, path: string): readonly SchemaType[] | undefined {
  if (schema.type !== undefined) return namedTypes(schema.type, path);
  const about = KEYWORDS_OF_TYPE.filter(([, keywords]) => keywords.some((keyword) => schema[keyword] !== undefined));
  return about.length === 0 ? undefined : about.map(([type]) => type);
}

export function namedTypes(value: unknown, path: string): readonly SchemaType[] {
  const named: readonly unknown[] = Array.isArray(value) ? value : [value];
  const types = TYPES.filter((type) => named.includes(type));
  if (named.length === 0 || types.length !== new Set(named).size) {
    throw unfit(path, `"type" must be of ${TYPES.join(', ')}`);
  }
  return types;
}

export function hasType(value: unknown, type: SchemaType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      return type satisfies never;
  }
}
