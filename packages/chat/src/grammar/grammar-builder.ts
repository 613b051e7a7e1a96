import { ShoalError } from '@shoal/protocol';
import { type Primitive, PRIMITIVES, SPACE } from './primitives.ts';

/** Of one grammar, as text. What a schema of some hundred properties becomes has a tenth of it. */
const MAX_GRAMMAR_BYTES = 256 * 1024;
/** llama.cpp makes a rule of each: `{2,40}` is 40 of them (`handle_repetitions` in llama-grammar.cpp). */
const MAX_REPETITIONS = 20_000;
/** Of one rule, without what makes it unique. It is only for people who read a grammar. */
const RULE_NAME_CHARS = 48;
const UTF_8 = new TextEncoder();

/**
 * A grammar in GBNF (grammars/README.md of llama.cpp) that JSON Schemas can be put into. What is asked for begins at the
 * rule `root`. Everything throws `INVALID_REQUEST` where the grammar would become larger than llama.cpp should be given.
 */
export class GrammarBuilder {
  readonly #rules = new Map<string, string>();
  /** Rules that are nothing but other rules, one of which is taken. */
  readonly #alternatives = new Map<string, readonly string[]>();
  readonly #nameCounts = new Map<string, number>();
  #bytes = 0;
  #repetitions = 0;

  constructor() {
    this.#define('space', SPACE);
  }

  /** `body` is GBNF: what stands behind `::=`. Returns the rule's name, which is `name` unless that is taken. */
  addRule(name: string, body: string): string {
    const rule = this.reserve(name);
    this.#define(rule, body);
    return rule;
  }

  /** A name that nothing has yet, to be defined later: what refers to itself needs it before. */
  reserve(name: string): string {
    const wanted = name.replace(/[^a-zA-Z0-9-]+/g, '-').slice(0, RULE_NAME_CHARS);
    let count = this.#nameCounts.get(wanted) ?? 0;
    let rule = count === 0 && !isReserved(wanted) ? wanted : `${wanted}-${count}`;
    while (this.#rules.has(rule)) rule = `${wanted}-${++count}`;
    this.#nameCounts.set(wanted, count + 1);
    this.#rules.set(rule, '');
    return rule;
  }

  /** Gives a reserved name what it means. */
  define(rule: string, body: string): void {
    this.#define(rule, body);
  }

  /** A reserved rule that is one of others. */
  defineAlternatives(rule: string, rules: readonly string[]): void {
    this.#alternatives.set(rule, rules);
    this.#define(rule, rules.join(' | '));
  }

  /** Rules that can be themselves with nothing in between, which no grammar may have, or lead to one that can. */
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
    // What is no choice among others has an end, and then what is a choice among nothing else.
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

  /** A JSON value of a kind, or a part of one, with all that it needs. */
  primitive(name: Primitive): string {
    if (this.#rules.has(name)) return name;
    const { body, needs } = PRIMITIVES[name];
    this.#define(name, body);
    for (const needed of needs) this.primitive(needed);
    return name;
  }

  /** `item` is one symbol: the name of a rule, a class or a literal. Without `most` there is no end. */
  repeat(item: string, least: number, most?: number): string {
    this.#repetitions += most ?? Math.max(1, least);
    if (this.#repetitions > MAX_REPETITIONS) {
      throw ShoalError.invalidRequest(`A JSON schema may ask for at most ${MAX_REPETITIONS} repetitions in all.`);
    }
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
        `The JSON schema is too large: as a grammar it has more than ${MAX_GRAMMAR_BYTES / 1024} KiB.`,
      );
    }
    this.#rules.set(rule, body);
  }
}

function isReserved(name: string): boolean {
  return name === 'space' || Object.hasOwn(PRIMITIVES, name);
}
