import type { JsonObject } from '@shoal/protocol/json';
import { unfit } from './keywords.ts';
import { literal } from './literal.ts';
import { hasType, namedTypes } from './types.ts';

const MAX_CONSTANTS = 1000;

/** Returns the rule body for `enum` and `const`: the values that also have the type. */
export function constantsBody(schema: JsonObject, path: string): string {
  const { const: constant, enum: listed, type, ...others } = schema;
  const [other] = Object.keys(others);
  if (other !== undefined) throw unfit(path, `"${other}" is not supported beside "enum" or "const"`);
  if (listed !== undefined && !Array.isArray(listed)) throw unfit(path, '"enum" must be a list');
  const types = type === undefined ? undefined : namedTypes(type, path);
  const values: readonly unknown[] = listed ?? [constant];
  if (values.length > MAX_CONSTANTS) throw unfit(path, `"enum" has more than ${MAX_CONSTANTS} values`);
  const fitting = values
    .filter((value) => types === undefined || types.some((one) => hasType(value, one)))
    .filter((value) => constant === undefined || JSON.stringify(value) === JSON.stringify(constant));
  if (fitting.length === 0) throw unfit(path, 'no value of "enum" or "const" fits');
  const texts = new Set(fitting.map((value) => JSON.stringify(value)));
  return oneOf([...texts].toSorted().map((text) => Array.from(text)));
}

/**
 * Returns a rule body for one of the sorted texts. A common beginning is written once, because llama.cpp tries every token
 * with every alternative that is still possible.
 */
function oneOf(texts: readonly (readonly string[])[]): string {
  const alternatives: string[] = [];
  for (let from = 0; from < texts.length;) {
    const first = texts[from]?.[0];
    let to = from + 1;
    while (to < texts.length && texts[to]?.[0] === first) to += 1;
    alternatives.push(withCommonBeginning(texts.slice(from, to)));
    from = to;
  }
  return alternatives.join(' | ');
}

/** Of sorted texts, the first and the last share the beginning that all share. */
function withCommonBeginning(texts: readonly (readonly string[])[]): string {
  const [first = [], last = []] = [texts[0], texts.at(-1)];
  if (texts.length === 1) return literal(first.join(''));
  let length = 0;
  while (length < first.length && first[length] === last[length]) length += 1;
  return `${literal(first.slice(0, length).join(''))} (${oneOf(texts.map((text) => text.slice(length)))})`;
}
