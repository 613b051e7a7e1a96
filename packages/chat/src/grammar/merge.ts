import { isObject, type JsonObject } from '@shoal/protocol/json';
import { unfit } from './keywords.ts';
import { namedTypes } from './types.ts';

const LOWER_BOUNDS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'];
const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];
/** Two of these cannot be merged into one and are joined by `allOf`. */
const KEPT_APART = ['$ref', 'anyOf', 'oneOf'];
const OF_OBJECTS = ['properties', 'additionalProperties'];
const OF_ITEMS = ['items', 'prefixItems', 'additionalItems'];

/** Returns one schema that has the restrictions of both, as `allOf` does. Throws `INVALID_REQUEST` if that is not possible. */
export function mergeSchemas(left: JsonObject, right: JsonObject, path: string): JsonObject {
  const merged: Record<string, unknown> = { ...left };
  const apart: JsonObject[] = [];
  for (const [keyword, value] of Object.entries(right)) {
    if (OF_OBJECTS.includes(keyword) || OF_ITEMS.includes(keyword)) continue;
    if (left[keyword] === undefined) merged[keyword] = value;
    else if (KEPT_APART.includes(keyword)) apart.push({ [keyword]: value });
    else merged[keyword] = mergeValues(keyword, left[keyword], value, path);
  }
  Object.assign(merged, mergeObjects(left, right), mergeItems(left, right, path));
  if (apart.length > 0) merged.allOf = [...listOf(merged.allOf), ...apart];
  return merged;
}

function mergeValues(keyword: string, left: unknown, right: unknown, path: string): unknown {
  if (JSON.stringify(left) === JSON.stringify(right)) return left;
  if (typeof left === 'number' && typeof right === 'number') {
    if (LOWER_BOUNDS.includes(keyword)) return Math.max(left, right);
    if (UPPER_BOUNDS.includes(keyword)) return Math.min(left, right);
  }
  switch (keyword) {
    case 'type':
      return mergeTypes(left, right, path);
    case 'required':
    case 'allOf':
      return [...listOf(left), ...listOf(right)];
    case 'enum': {
      const allowed = new Set(listOf(right).map((value) => JSON.stringify(value)));
      return listOf(left).filter((value) => allowed.has(JSON.stringify(value)));
    }
    default:
      throw unfit(path, `two values of "${keyword}" cannot be combined`);
  }
}

function mergeTypes(left: unknown, right: unknown, path: string): unknown {
  const [some, others] = [namedTypes(left, path), namedTypes(right, path)];
  const fits = some.filter((type) => others.includes(type) || (type === 'integer' && others.includes('number')));
  if (others.includes('integer') && some.includes('number') && !fits.includes('integer')) fits.push('integer');
  if (fits.length === 0) throw unfit(path, 'no "type" fits all');
  return fits;
}

function mergeObjects(left: JsonObject, right: JsonObject): JsonObject {
  const properties = [...propertiesBeside(left, right), ...propertiesBeside(right, left)];
  const additional = both(left.additionalProperties, right.additionalProperties);
  const hasProperties = isObject(left.properties) || isObject(right.properties);
  return {
    // If both have a property, both entries are equal.
    ...(hasProperties && { properties: Object.fromEntries(properties) }),
    ...(additional !== undefined && { additionalProperties: additional }),
  };
}

/** Returns the properties of one schema, merged with the other schema's restrictions of them. */
function propertiesBeside(own: JsonObject, other: JsonObject): [string, unknown][] {
  if (!isObject(own.properties)) return [];
  const others = isObject(other.properties) ? other.properties : {};
  return Object.entries(own.properties).map(([name, schema]) => {
    const restriction = Object.hasOwn(others, name) ? others[name] : other.additionalProperties;
    return [name, both(schema, restriction)];
  });
}

function mergeItems(left: JsonObject, right: JsonObject, path: string): JsonObject {
  const hasItems = (schema: JsonObject): boolean => OF_ITEMS.some((keyword) => schema[keyword] !== undefined);
  if (!hasItems(right)) return {};
  if (!hasItems(left))
    return Object.fromEntries(Object.entries(right).filter(([keyword]) => OF_ITEMS.includes(keyword)));
  const isPlain = (schema: JsonObject): boolean => schema.prefixItems === undefined && !Array.isArray(schema.items);
  if (!isPlain(left) || !isPlain(right)) throw unfit(path, 'two values of "prefixItems" or "items" cannot be combined');
  return { items: both(left.items, right.items) };
}

function both(left: unknown, right: unknown): unknown {
  if (left === false || right === false) return false;
  if (left === undefined || left === true) return right;
  if (right === undefined || right === true) return left;
  return JSON.stringify(left) === JSON.stringify(right) ? left : { allOf: [left, right] };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
