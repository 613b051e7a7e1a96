import type { JsonObject } from '@shoal/protocol/json';
import { type CharacterSet, classSymbol, complement, contains, JSON_PLAIN, withoutRanges } from './characters.ts';
import { FORMATS } from './formats.ts';
import type { GrammarBuilder } from './grammar-builder.ts';
import { type Bounds, boundsOf, textOf, unfit } from './keywords.ts';
import { literal } from './literal.ts';
import { parsePattern, type Pattern, UnfitPattern } from './pattern.ts';

/** Characters that JSON escapes with a backslash and one character. */
const ESCAPED = ['"', '\\', '\b', '\f', '\n', '\r', '\t'];

/** Returns the rule body of a JSON string. */
export function stringBody(builder: GrammarBuilder, schema: JsonObject, path: string, rule: string): string {
  const bounds = boundsOf(schema, ['minLength', 'maxLength'], path);
  const source = patternOf(schema, path);
  if (source !== undefined) return patternBody(builder, source, bounds, path, rule);
  const { least, most } = bounds;
  if (least === 0 && most === undefined) return builder.primitive('string');
  return String.raw`"\"" ${builder.repeat(builder.primitive('char'), least, most)} "\""`;
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

function patternBody(builder: GrammarBuilder, source: string, bounds: Bounds, path: string, rule: string): string {
  try {
    const pattern = parsePattern(source);
    checkLength(pattern, bounds);
    return String.raw`"\"" (${new PatternWriter(builder, rule).write(pattern)}) "\""`;
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

/** Returns the bounds of the lengths of matching texts, in characters. */
function lengthOf(pattern: Pattern): Bounds {
  switch (pattern.type) {
    case 'set':
      return { least: 1, most: 1 };
    case 'sequence':
      return pattern.items
        .map(lengthOf)
        .reduce((total, item) => ({ least: total.least + item.least, most: sum(total.most, item.most) }), {
          least: 0,
          most: 0,
        });
    case 'choice': {
      const options = pattern.options.map(lengthOf);
      const most = Math.max(...options.map((option) => option.most ?? Infinity));
      return { least: Math.min(...options.map(({ least }) => least)), most: Number.isFinite(most) ? most : undefined };
    }
    case 'repeat': {
      const item = lengthOf(pattern.item);
      const isEndless = pattern.most === undefined || item.most === undefined;
      return {
        least: item.least * pattern.least,
        most: isEndless ? undefined : (item.most ?? 0) * (pattern.most ?? 0),
      };
    }
    default:
      return pattern satisfies never;
  }
}

function sum(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : left + right;
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
