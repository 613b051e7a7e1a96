import { ShoalError } from '../error.ts';
import { isObject, type JsonObject } from '../json.ts';

/** What stands under that name; null is absent. */
export function memberOf(object: JsonObject, name: string): unknown {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return value === null ? undefined : value;
}

/** An object that is none of the protocol's, such as a JSON Schema: taken as it is. */
export function objectIn(object: JsonObject, name: string, where: string): JsonObject | undefined {
  const value = memberOf(object, name);
  if (value === undefined || isObject(value)) return value;
  throw ShoalError.badMessage(`${where}: "${name}" must be an object.`);
}

export function objectsIn(object: JsonObject, name: string, mostItems: number, where: string): readonly JsonObject[] {
  const value = memberOf(object, name);
  if (value === undefined) return [];
  if (Array.isArray(value) && value.length <= mostItems && value.every(isObject)) return value;
  throw ShoalError.badMessage(`${where}: "${name}" must be at most ${mostItems} objects.`);
}

/** Whether objects and arrays nest deeper in it than so many levels. */
export function nestsDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => nestsDeeperThan(levels - 1, inner));
}
