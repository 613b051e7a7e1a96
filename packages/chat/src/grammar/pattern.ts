import { type CharacterSet, complement, type CodePointRange, singleRange, union } from './characters.ts';

/** Characters of one `pattern`. A longer one is refused. */
const MAX_PATTERN_CHARS = 1024;
/** Levels that the groups of one `pattern` may nest. A deeper one is refused. */
const MAX_PATTERN_DEPTH = 32;
/** llama.cpp's limit (MAX_REPETITION_THRESHOLD). */
const MAX_PATTERN_REPETITION = 2000;

/** Alternatives and repetitions of one `pattern`: llama.cpp follows all of them at once, for every token. More are refused. */
const MAX_PATTERN_CHOICES = 64;

/** A part of a regular expression. */
export type Pattern =
  | { readonly type: 'set'; readonly set: CharacterSet }
  | { readonly type: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly type: 'choice'; readonly options: readonly Pattern[] }
  | { readonly type: 'repeat'; readonly item: Pattern; readonly least: number; readonly most: number | undefined };

type Anchor = { readonly type: 'start' } | { readonly type: 'end' };

const DIGITS: CharacterSet = [[0x30, 0x39]];
const WORDS: CharacterSet = [...DIGITS, [0x41, 0x5a], singleRange(0x5f), [0x61, 0x7a]];
/** All Unicode spaces and line terminators (ECMA-262). */
const SPACES: CharacterSet = union([
  [0x09, 0x0d],
  singleRange(0x20),
  singleRange(0xa0),
  singleRange(0x1680),
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  singleRange(0x202f),
  singleRange(0x205f),
  singleRange(0x3000),
  singleRange(0xfeff),
]);
const LINE_ENDS: CharacterSet = [singleRange(0x0a), singleRange(0x0d), [0x2028, 0x2029]];
const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORDS,
  W: complement(WORDS),
  s: SPACES,
  S: complement(SPACES),
};
const CONTROLS: Readonly<Record<string, number>> = { '0': 0, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09, v: 0x0b };
const ANYTHING: Pattern = { type: 'repeat', item: { type: 'set', set: complement([]) }, least: 0, most: undefined };

/** The reason why a pattern cannot become a grammar. The message completes a sentence. */
export class UnfitPattern extends Error {
  override readonly name = 'UnfitPattern';
}

/**
 * Parses the regular subset of ECMA-262's expressions with the flag `u`. The result matches a whole text: a pattern without
 * `^` or `$` is extended by any characters. Runs in linear time. Throws `UnfitPattern`.
 */
export function parsePattern(source: string): Pattern {
  if (source.length > MAX_PATTERN_CHARS) throw new UnfitPattern(`it has more than ${MAX_PATTERN_CHARS} characters`);
  return new PatternReader(source).readWhole();
}

class PatternReader {
  readonly #chars: readonly string[];
  #at = 0;
  #choices = 0;

  constructor(source: string) {
    this.#chars = Array.from(source);
  }

  readWhole(): Pattern {
    const options: Pattern[] = [];
    do {
      const items = this.#readItems(0);
      const isFromStart = items[0]?.type === 'start';
      const isToEnd = items.at(-1)?.type === 'end';
      const inner = items.slice(isFromStart ? 1 : 0, isToEnd ? -1 : undefined).map(withoutAnchor);
      options.push({
        type: 'sequence',
        items: [...(isFromStart ? [] : [ANYTHING]), ...inner, ...(isToEnd ? [] : [ANYTHING])],
      });
    } while (this.#takes('|'));
    this.#count(options.length);
    if (this.#at < this.#chars.length) throw new UnfitPattern('it has a ")" without a "("');
    return { type: 'choice', options };
  }

  #readChoice(depth: number): Pattern {
    if (depth > MAX_PATTERN_DEPTH) throw new UnfitPattern(`its groups are more than ${MAX_PATTERN_DEPTH} deep`);
    const options: Pattern[] = [];
    do options.push({ type: 'sequence', items: this.#readItems(depth).map(withoutAnchor) });
    while (this.#takes('|'));
    this.#count(options.length);
    return { type: 'choice', options };
  }

  #readItems(depth: number): (Pattern | Anchor)[] {
    const items: (Pattern | Anchor)[] = [];
    for (let char = this.#next(); char !== undefined && char !== '|' && char !== ')'; char = this.#next()) {
      const item = this.#readItem(depth);
      items.push(item.type === 'start' || item.type === 'end' ? item : this.#readRepetition(item));
    }
    return items;
  }

  #readItem(depth: number): Pattern | Anchor {
    const char = this.#take();
    switch (char) {
      case '^':
        return { type: 'start' };
      case '$':
        return { type: 'end' };
      case '.':
        return { type: 'set', set: complement(LINE_ENDS) };
      case '(':
        return this.#readGroup(depth + 1);
      case '[':
        return { type: 'set', set: this.#readClass() };
      case '\\':
        return { type: 'set', set: this.#readEscape() };
      case '*':
      case '+':
      case '?':
      case '{':
      case '}':
      case ']':
        throw new UnfitPattern(`"${char}" is misplaced`);
      default:
        return { type: 'set', set: [singleRange(codePointOf(char))] };
    }
  }

  #readGroup(depth: number): Pattern {
    if (this.#takes('?') && !this.#takes(':')) throw new UnfitPattern('it has a group with "?" other than "(?:"');
    const inner = this.#readChoice(depth);
    if (!this.#takes(')')) throw new UnfitPattern('it has a group without an end');
    return inner;
  }

  /** Reads the quantifier after an item. A lazy one (`?`) matches the same texts. */
  #readRepetition(item: Pattern): Pattern {
    const bounds = this.#readBounds();
    if (bounds === undefined) return item;
    this.#takes('?');
    const [least, most] = bounds;
    if (Math.max(least, most ?? 0) > MAX_PATTERN_REPETITION || (most !== undefined && least > most)) {
      throw new UnfitPattern(`it repeats something more than ${MAX_PATTERN_REPETITION} times, or never`);
    }
    if (least !== most) this.#count(1);
    return { type: 'repeat', item, least, most };
  }

  #count(choices: number): void {
    this.#choices += choices;
    if (this.#choices > MAX_PATTERN_CHOICES) {
      throw new UnfitPattern(`it has more than ${MAX_PATTERN_CHOICES} alternatives and repetitions`);
    }
  }

  #readBounds(): [least: number, most: number | undefined] | undefined {
    if (this.#takes('*')) return [0, undefined];
    if (this.#takes('+')) return [1, undefined];
    if (this.#takes('?')) return [0, 1];
    if (!this.#takes('{')) return undefined;
    const least = this.#readNumber();
    const most = this.#takes(',') ? (this.#next() === '}' ? undefined : this.#readNumber()) : least;
    if (!this.#takes('}')) throw new UnfitPattern('it has a "{" without an end');
    return [least, most];
  }

  #readNumber(): number {
    let digits = '';
    while (/^\d$/.test(this.#next() ?? '')) digits += this.#take();
    if (digits === '') throw new UnfitPattern('it has a "{" without a number');
    return Number(digits);
  }

  #readClass(): CharacterSet {
    const isComplement = this.#takes('^');
    const ranges: CodePointRange[] = [];
    while (!this.#takes(']')) {
      const set = this.#readMember();
      const [first] = set;
      const isRange = this.#next() === '-' && this.#chars[this.#at + 1] !== ']';
      if (!isRange || first === undefined) ranges.push(...set);
      else {
        this.#take();
        ranges.push(rangeBetween(set, this.#readMember()));
      }
    }
    const set = union(ranges);
    return isComplement ? complement(set) : set;
  }

  #readMember(): CharacterSet {
    const char = this.#take();
    return char === '\\' ? this.#readEscape() : [singleRange(codePointOf(char))];
  }

  #readEscape(): CharacterSet {
    const char = this.#take();
    const known = Object.hasOwn(CLASSES, char) ? CLASSES[char] : undefined;
    if (known !== undefined) return known;
    const control = Object.hasOwn(CONTROLS, char) ? CONTROLS[char] : undefined;
    if (control !== undefined && !/^\d$/.test(this.#next() ?? '')) return [singleRange(control)];
    if (char === 'x') return [singleRange(this.#readHexadecimal(2))];
    if (char === 'u') return [singleRange(this.#readHexadecimal(4))];
    if (/^[a-zA-Z0-9]$/.test(char)) throw new UnfitPattern(`"\\${char}" is not supported`);
    return [singleRange(codePointOf(char))];
  }

  #readHexadecimal(length: number): number {
    const digits = this.#chars.slice(this.#at, this.#at + length).join('');
    if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length !== length) throw new UnfitPattern('it has a wrong escape');
    this.#at += length;
    return Number.parseInt(digits, 16);
  }

  #next(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(): string {
    const char = this.#next();
    if (char === undefined) throw new UnfitPattern('it ends too early');
    this.#at += 1;
    return char;
  }

  #takes(char: string): boolean {
    if (this.#next() !== char) return false;
    this.#at += 1;
    return true;
  }
}

function withoutAnchor(item: Pattern | Anchor): Pattern {
  if (item.type === 'start' || item.type === 'end') throw new UnfitPattern('"^" and "$" may stand only at its ends');
  return item;
}

function rangeBetween([from, ...none]: CharacterSet, [to, ...others]: CharacterSet): CodePointRange {
  const areSingle = from !== undefined && to !== undefined && from[0] === from[1] && to[0] === to[1];
  if (!areSingle || none.length > 0 || others.length > 0 || from[0] > to[0])
    throw new UnfitPattern('it has a wrong range');
  return [from[0], to[0]];
}

function codePointOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}
