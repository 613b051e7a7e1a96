import type { JsonObject } from '@shoal/protocol/json';
import type { GrammarBuilder } from './grammar-builder.ts';
import { unfit } from './keywords.ts';
import { type Bound, integersBetween, numbersBetween } from './number-range.ts';

/** Returns the rule body of an integer or a number. `format` is ignored: for numbers it means their storage. */
export function numberBody(
  builder: GrammarBuilder,
  type: 'integer' | 'number',
  schema: JsonObject,
  path: string,
): string {
  const low = boundOf(schema, 'minimum', 'exclusiveMinimum', path);
  const high = boundOf(schema, 'maximum', 'exclusiveMaximum', path);
  if (low === undefined && high === undefined) return builder.primitive(type);
  if (low !== undefined && high !== undefined && low.value > high.value)
    throw unfit(path, 'no number is within the bounds');
  const body = type === 'integer' ? integersBetween(low, high) : numbersBetween(low, high);
  if (body === undefined) throw unfit(path, 'no number of at most 16 digits is within the bounds');
  return body;
}

/** Returns the narrower of the inclusive and the exclusive bound. */
function boundOf(schema: JsonObject, inclusive: string, exclusive: string, path: string): Bound | undefined {
  const [value, beyond] = [numberOf(schema, inclusive, path), numberOf(schema, exclusive, path)];
  if (beyond === undefined) return value === undefined ? undefined : { value, isExclusive: false };
  const isWider = inclusive === 'minimum' ? (value ?? -Infinity) > beyond : (value ?? Infinity) < beyond;
  return isWider && value !== undefined ? { value, isExclusive: false } : { value: beyond, isExclusive: true };
}

function numberOf(schema: JsonObject, keyword: string, path: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw unfit(path, `"${keyword}" must be a number`);
  return value;
}
