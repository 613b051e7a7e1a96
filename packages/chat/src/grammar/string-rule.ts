import type { JsonObject } from '@shoal/protocol/json';
import { type CharacterSet, classSymbol, complement, contains, JSON_PLAIN, withoutRanges } from './characters.ts';
import { FORMATS } from './formats.ts';
import type { GrammarBuilder } from './grammar-builder.ts';
import { type Bounds, boundsOf, textOf, unfit } from './keywords.ts';
import { literal } from './literal.ts';
import { parsePattern, type Pattern, UnfitPattern } from './pattern.ts';
import { lengthOf, readingsOf } from './pattern-measures.ts';

/** Characters that JSON escapes with a backslash and one character. */
const ESCAPED = ['"', '\\', '\b', '\f', '\n', '\r', '\t'];

interface StringRule {
  readonly body: string;
  /** Ways in which one beginning of a text may fit. */
  readonly readings: number;
}

/** Returns the rule of a JSON string. */
export function stringRule(builder: GrammarBuilder, schema: JsonObject, path: string, rule: string): StringRule {
  const bounds = boundsOf(schema, ['minLength', 'maxLength'], path);
  const source = patternOf(schema, path);
  if (source !== undefined) return patternRule(builder, source, bounds, path, rule);
  const { least, most } = bounds;
  if (least === 0 && most === undefined) return { body: builder.primitive('string'), readings: 1 };
  const body = String.raw`"\"" ${builder.repeat(builder.primitive('char'), least, most)} "\""`;
  return { body, readings: 1 };
}

function patternOf(schema: JsonObject, path: string): string | undefined {
  const pattern = textOf(schema, 'pattern', path);
  const format = textOf(schema, 'format', path);
  if (format === undefined) return pattern;
  const known = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (known === undefined) throw unfit(path, `"format" must be one of ${Object.keys(FORMATS).join(', ')}`);
  if (pattern !== undefined) throw unfit(path, '"pattern" is not supported beside "format"');
  return known;
}

function patternRule(builder: GrammarBuilder, source: string, bounds: Bounds, path: string, rule: string): StringRule {
  try {
    const pattern = parsePattern(source);
    checkLength(pattern, bounds);
    const body = String.raw`"\"" (${new PatternWriter(builder, rule).write(pattern)}) "\""`;
    return { body, readings: readingsOf(pattern) };
  } catch (error) {
    if (error instanceof UnfitPattern) throw unfit(path, `the "pattern" cannot be used, because ${error.message}`);
    throw error;
  }
}

/** A pattern and bounds can be combined only if all texts of the pattern are within the bounds. */
function checkLength(pattern: Pattern, bounds: Bounds): void {
  const { least, most } = lengthOf(pattern);
  if (least >= bounds.least && (most ?? Infinity) <= (bounds.most ?? Infinity)) return;
  throw new UnfitPattern('texts that fit it can be shorter than "minLength" or longer than "maxLength"');
}

/** Writes a pattern of text as GBNF of JSON, in which some characters are escaped. */
class PatternWriter {
  readonly #builder: GrammarBuilder;
  readonly #rule: string;
  readonly #sets = new Map<string, string>();

  constructor(builder: GrammarBuilder, rule: string) {
    this.#builder = builder;
    this.#rule = rule;
  }

  write(pattern: Pattern): string {
    switch (pattern.type) {
      case 'set':
        return this.#symbol(pattern.set);
      case 'sequence':
        return pattern.items.length === 0 ? '""' : pattern.items.map((item) => this.#group(item)).join(' ');
      case 'choice':
        return pattern.options.map((option) => this.write(option)).join(' | ');
      case 'repeat':
        return this.#repeat(pattern);
      default:
        return pattern satisfies never;
    }
  }

  #group(pattern: Pattern): string {
    return pattern.type === 'choice' ? `(${this.write(pattern)})` : this.write(pattern);
  }

  #repeat({ item, least, most }: Extract<Pattern, { type: 'repeat' }>): string {
    if (most !== 1 && lengthOf(item).least === 0) throw new UnfitPattern('it repeats a part that can be empty');
    const symbol =
      item.type === 'set' ? this.#symbol(item.set) : this.#builder.addRule(`${this.#rule}-part`, this.write(item));
    return this.#builder.repeat(symbol, least, most) || '""';
  }

  #symbol(set: CharacterSet): string {
    const plain = withoutRanges(set, complement(JSON_PLAIN));
    const escaped = ESCAPED.filter((char) => contains(set, char.codePointAt(0) ?? 0));
    if (escaped.length === 0 && plain.length > 0) return classSymbol(plain);
    const alternatives = escaped.map((char) => literal(JSON.stringify(char).slice(1, -1)));
    if (plain.length > 0) alternatives.unshift(classSymbol(plain));
    if (alternatives.length === 0) throw new UnfitPattern('it needs a character that cannot be generated');
    const body = alternatives.join(' | ');
    const known = this.#sets.get(body) ?? this.#builder.addRule(`${this.#rule}-char`, body);
    this.#sets.set(body, known);
    return known;
  }
}
