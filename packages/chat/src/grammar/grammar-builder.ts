import { ShoalError } from '@shoal/protocol/error';
import { type Primitive, PRIMITIVES, SPACE } from './primitives.ts';

/** The largest grammar of a JSON schema. A schema with some hundred properties needs a tenth of it. A larger one is refused. */
const MAX_GRAMMAR_BYTES = 256 * 1024;
/** Constants and property names of one grammar together, as JSON. They are counted before they are written; more are refused. */
const MAX_LITERAL_BYTES = 512 * 1024;
/** Values of `enum` and schemas of `anyOf` and `oneOf` in one grammar. More are refused. */
const MAX_ALTERNATIVES = 4_096;
/** Rules of one grammar: a schema needs one, and a property two more. More are refused. */
const MAX_RULES = 10_000;
/** Repetitions of one grammar: `maxItems`, `maxLength` and `{2,40}` in a pattern. llama.cpp makes a rule of each. More are refused. */
const MAX_REPETITIONS = 20_000;
/** The length of a rule's name without the number that makes it unique. Names only help readers. */
const RULE_NAME_CHARS = 48;
const UTF_8 = new TextEncoder();

/**
 * Builds a grammar in GBNF (grammars/README.md of llama.cpp), which begins at the rule `root`. All methods throw
 * `INVALID_REQUEST` if the grammar becomes too large for llama.cpp.
 */
export class GrammarBuilder {
  readonly #rules = new Map<string, string>();
  /** Rules that are a choice between other rules. */
  readonly #alternatives = new Map<string, readonly string[]>();
  readonly #nameCounts = new Map<string, number>();
  #bytes = 0;
  #literalBytes = 0;
  #alternativeCount = 0;
  #repetitions = 0;

  constructor() {
    this.#define('space', SPACE);
  }

  /** `body` is GBNF, the text after `::=`. Returns the rule's name: `name`, or a similar one if that is taken. */
  addRule(name: string, body: string): string {
    const rule = this.reserve(name);
    this.#define(rule, body);
    return rule;
  }

  /** Returns a new rule name, to be defined later. Rules that refer to themselves need it first. */
  reserve(name: string): string {
    const wanted = name.replace(/[^a-zA-Z0-9-]+/g, '-').slice(0, RULE_NAME_CHARS);
    let count = this.#nameCounts.get(wanted) ?? 0;
    let rule = count === 0 && !isReserved(wanted) ? wanted : `${wanted}-${count}`;
    while (this.#rules.has(rule)) rule = `${wanted}-${++count}`;
    this.#nameCounts.set(wanted, count + 1);
    if (this.#rules.size >= MAX_RULES) throw tooMany(`${MAX_RULES} rules`);
    this.#rules.set(rule, '');
    return rule;
  }

  /** Defines a reserved rule. */
  define(rule: string, body: string): void {
    this.#define(rule, body);
  }

  /** Defines a reserved rule as a choice between other rules. */
  defineAlternatives(rule: string, rules: readonly string[]): void {
    this.#alternatives.set(rule, rules);
    this.#define(rule, rules.join(' | '));
  }

  /** Returns the left-recursive rules, which llama.cpp does not support, and the rules that lead to one. */
  rulesWithoutEnd(): ReadonlySet<string> {
    const users = new Map<string, string[]>();
    const open = new Map<string, number>();
    for (const [rule, others] of this.#alternatives) {
      open.set(rule, others.length);
      for (const other of others) {
        const known = users.get(other);
        if (known === undefined) users.set(other, [rule]);
        else known.push(rule);
      }
    }
    // A rule that is not a choice ends the recursion, and so does a choice between rules that end it.
    const ended = [...this.#rules.keys()].filter((rule) => !open.has(rule));
    for (let next = ended.pop(); next !== undefined; next = ended.pop()) {
      for (const user of users.get(next) ?? []) {
        const left = (open.get(user) ?? 0) - 1;
        open.set(user, left);
        if (left === 0) ended.push(user);
      }
    }
    return new Set([...open].filter(([, left]) => left > 0).map(([rule]) => rule));
  }

  /** Adds a rule of JSON's own syntax, and the rules that it needs. Returns its name. */
  primitive(name: Primitive): string {
    if (this.#rules.has(name)) return name;
    const { body, needs } = PRIMITIVES[name];
    this.#define(name, body);
    for (const needed of needs) this.primitive(needed);
    return name;
  }

  /** Counts a constant or a property name before it is written, because writing many takes time and memory. */
  countLiteral(json: string): void {
    this.#literalBytes += json.length > MAX_LITERAL_BYTES ? json.length : UTF_8.encode(json).length;
    if (this.#literalBytes > MAX_LITERAL_BYTES) {
      throw tooMany(`${MAX_LITERAL_BYTES / 1024} KiB of constants and property names`);
    }
  }

  /** Counts values or schemas of which one is generated, before they are written. */
  countAlternatives(count: number): void {
    this.#alternativeCount += count;
    if (this.#alternativeCount > MAX_ALTERNATIVES) throw tooMany(`${MAX_ALTERNATIVES} alternatives`);
  }

  /** `item` is one symbol: the name of a rule, a class or a literal. Without `most` the number is unlimited. */
  repeat(item: string, least: number, most?: number): string {
    this.#repetitions += most ?? Math.max(1, least);
    if (this.#repetitions > MAX_REPETITIONS) throw tooMany(`${MAX_REPETITIONS} repetitions`);
    if (most === 0) return '';
    if (least === 1 && most === 1) return item;
    if (least === 0 && most === 1) return `${item}?`;
    if (most === undefined && least < 2) return `${item}${least === 0 ? '*' : '+'}`;
    if (least === most) return `${item}{${least}}`;
    return `${item}{${least},${most ?? ''}}`;
  }

  toString(): string {
    return [...this.#rules].map(([name, body]) => `${name} ::= ${body}\n`).join('');
  }

  #define(rule: string, body: string): void {
    this.#bytes += UTF_8.encode(`${rule} ::= ${body}\n`).length;
    if (this.#bytes > MAX_GRAMMAR_BYTES) {
      throw ShoalError.invalidRequest(
        `The JSON schema is too large: its grammar has more than ${MAX_GRAMMAR_BYTES / 1024} KiB.`,
      );
    }
    this.#rules.set(rule, body);
  }
}

function tooMany(most: string): ShoalError {
  return ShoalError.invalidRequest(`A JSON schema may have at most ${most} in total.`);
}

function isReserved(name: string): boolean {
  return name === 'space' || Object.hasOwn(PRIMITIVES, name);
}
