import type { JsonObject } from '@shoal/protocol/json';
import type { GrammarBuilder } from './grammar-builder.ts';
import { unfit } from './keywords.ts';
import { literal } from './literal.ts';
import { hasType, namedTypes } from './types.ts';

/** Values of one `enum`. A schema with more is refused. */
const MAX_CONSTANTS = 1000;

/** Returns the rule body for `enum` and `const`: the values that also have the type. */
export function constantsBody(builder: GrammarBuilder, schema: JsonObject, path: string): string {
  const { const: constant, enum: listed, type, ...others } = schema;
  const [other] = Object.keys(others);
  if (other !== undefined) throw unfit(path, `"${other}" is not supported beside "enum" or "const"`);
  if (listed !== undefined && !Array.isArray(listed)) throw unfit(path, '"enum" must be a list');
  const types = type === undefined ? undefined : namedTypes(type, path);
  const values: readonly unknown[] = listed ?? [constant];
  if (values.length > MAX_CONSTANTS) throw unfit(path, `"enum" has more than ${MAX_CONSTANTS} values`);
  const fitting = values
    .filter((value) => types === undefined || types.some((one) => hasType(value, one)))
    .map((value) => JSON.stringify(value))
    .filter((text) => constant === undefined || text === JSON.stringify(constant));
  if (fitting.length === 0) throw unfit(path, 'no value of "enum" or "const" fits');
  const texts = [...new Set(fitting)].toSorted();
  if (texts.length > 1) builder.countAlternatives(texts.length);
  for (const text of texts) builder.countLiteral(text);
  return oneOf(texts, { from: 0, to: texts.length, start: 0 });
}

/** Some of the sorted texts, whose beginnings before `start` are written already. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly start: number;
}

/**
 * Returns a rule body for one of the texts. A common beginning is written once, because llama.cpp tries every token with
 * every alternative that is still possible. Reads each character a few times, however many beginnings are shared.
 */
function oneOf(texts: readonly string[], { from: first, to: end, start }: Span): string {
  const alternatives: string[] = [];
  for (let from = first; from < end;) {
    const char = texts[from]?.codePointAt(start);
    let to = from + 1;
    while (to < end && texts[to]?.codePointAt(start) === char) to += 1;
    alternatives.push(withCommonBeginning(texts, { from, to, start }));
    from = to;
  }
  return alternatives.join(' | ');
}

/** Of sorted texts, the first and the last share the beginning that all share. */
function withCommonBeginning(texts: readonly string[], { from, to, start }: Span): string {
  const [first = '', last = ''] = [texts[from], texts[to - 1]];
  if (to - from === 1) return literal(first.slice(start));
  let at = start;
  while (at < first.length && first.codePointAt(at) === last.codePointAt(at)) at += lengthAt(first, at);
  return `${literal(first.slice(start, at))} (${oneOf(texts, { from, to, start: at })})`;
}

/** Returns the UTF-16 units of the character at an index. */
function lengthAt(text: string, index: number): number {
  return (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
}
