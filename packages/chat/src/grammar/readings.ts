import { isObject, type JsonObject } from '@shoal/protocol/json';
import { unfit } from './keywords.ts';
import type { SchemaType } from './types.ts';

/**
 * Ways in which one beginning of an answer may fit a JSON schema: llama.cpp follows all of them at once, for every token.
 * Nested alternatives that begin alike multiply them, and so do nested repetitions of a `pattern`. More are refused.
 */
const MAX_READINGS = 1_000;

/** The beginning of an object that tells it from others: the value of a property that always comes early. */
interface Discriminator {
  readonly name: string;
  /** As JSON. */
  readonly values: readonly string[];
}

/** A rule of a schema that is not a choice. */
interface Value {
  readonly type: SchemaType;
  readonly path: string;
  readonly discriminator: Discriminator | undefined;
  /** The readings of the value itself, without the rules that it contains. */
  readonly own: number;
}

interface NewValue extends Pick<Value, 'type' | 'path'> {
  readonly schema: JsonObject;
  /** Default: 1. */
  readonly own?: number;
}

interface Choice {
  readonly path: string;
  readonly alternatives: readonly string[];
}

/** Finds schemas for which llama.cpp would follow ever more readings of an answer. Rules are known by name. */
export class Readings {
  readonly #values = new Map<string, Value>();
  readonly #choices = new Map<string, Choice>();
  readonly #contents = new Map<string, Set<string>>();
  readonly #counts = new Map<string, number>();

  addValue(rule: string, { schema, own = 1, ...value }: NewValue): void {
    const discriminator = value.type === 'object' ? discriminatorOf(schema) : undefined;
    this.#values.set(rule, { ...value, discriminator, own });
  }

  addChoice(rule: string, alternatives: readonly string[], path: string): void {
    this.#choices.set(rule, { alternatives, path });
    for (const alternative of alternatives) this.addContent(rule, alternative);
  }

  /** The rule refers to another one. */
  addContent(rule: string, other: string): void {
    const contents = this.#contents.get(rule) ?? new Set();
    this.#contents.set(rule, contents.add(other));
  }

  /** Throws `INVALID_REQUEST` if there are too many readings. */
  check(): void {
    const cycles = cyclesOf(this.#contents);
    for (const [rule, { path }] of this.#choices) {
      const cycle = cycles.get(rule);
      for (const group of this.#groups(rule)) {
        const repeating = group.filter((member) => cycle !== undefined && cycles.get(member) === cycle);
        if (repeating.length > 1) {
          const hint = 'give each a required first property with its own "const"';
          throw unfit(path, `schemas that contain themselves begin alike, which has no limit: ${hint}`);
        }
      }
    }
    for (const [rule, { path }] of [...this.#choices, ...this.#values]) {
      if (this.#count(rule) > MAX_READINGS) {
        throw unfit(path, `a text may fit in more than ${MAX_READINGS} ways, all of which are followed at once`);
      }
    }
  }

  #count(rule: string): number {
    const known = this.#counts.get(rule);
    if (known !== undefined) return known;
    this.#counts.set(rule, 1); // of the same rule within itself
    const contents = [...(this.#contents.get(rule) ?? [])];
    const counted = this.#choices.has(rule)
      ? this.#groups(rule).map((group) => group.reduce((sum, member) => sum + this.#count(member), 0))
      : contents.map((other) => this.#count(other));
    const count = Math.max(this.#values.get(rule)?.own ?? 1, ...counted);
    this.#counts.set(rule, count);
    return count;
  }

  /** Returns the alternatives of a choice in groups that begin alike. */
  #groups(choice: string): readonly (readonly string[])[] {
    const members = this.#membersOf(choice);
    const objects = members.filter((member) => this.#values.get(member)?.type === 'object');
    const others = Map.groupBy(
      members.filter((member) => !objects.includes(member)),
      (member) => this.#values.get(member)?.type,
    );
    return [...others.values(), ...this.#groupsOfObjects(objects)];
  }

  #groupsOfObjects(objects: readonly string[]): readonly (readonly string[])[] {
    const found = objects.map((rule) => this.#values.get(rule)?.discriminator);
    if (new Set(found.map((each) => each?.name)).size !== 1 || found[0] === undefined) return [objects];
    const groups = new Map<string, string[]>();
    for (const [index, rule] of objects.entries()) {
      for (const value of found[index]?.values ?? []) groups.set(value, [...(groups.get(value) ?? []), rule]);
    }
    return [...groups.values()];
  }

  /** Returns the alternatives of a choice, and of the choices among them. */
  #membersOf(choice: string): readonly string[] {
    const seen = new Set([choice]);
    for (const rule of seen) for (const other of this.#choices.get(rule)?.alternatives ?? []) seen.add(other);
    return [...seen].filter((rule) => !this.#choices.has(rule));
  }
}

/** Returns the first property with fixed values, if all before it are required and of a type without contents. */
function discriminatorOf({ properties, required }: JsonObject): Discriminator | undefined {
  if (!isObject(properties) || !Array.isArray(required)) return undefined;
  for (const [name, schema] of Object.entries(properties)) {
    if (!required.includes(name) || !isObject(schema)) return undefined;
    if (schema.const !== undefined) return { name, values: [JSON.stringify(schema.const)] };
    if (Array.isArray(schema.enum)) return { name, values: schema.enum.map((value: unknown) => JSON.stringify(value)) };
    if (typeof schema.type !== 'string' || ['object', 'array'].includes(schema.type)) return undefined;
  }
  return undefined;
}

/** Returns a number for each rule that is in a cycle, the same for rules that lead to each other (Tarjan's algorithm). */
function cyclesOf(graph: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, number> {
  const [order, low, cycles] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const open: string[] = [];
  const visit = (rule: string): number => {
    const at = order.size;
    order.set(rule, at);
    open.push(rule);
    let lowest = at;
    for (const other of graph.get(rule) ?? []) {
      const known = order.get(other);
      if (known === undefined) lowest = Math.min(lowest, visit(other));
      else if (low.get(other) !== Infinity) lowest = Math.min(lowest, known);
    }
    if (lowest === at) {
      for (const member of open.splice(open.indexOf(rule))) {
        low.set(member, Infinity);
        cycles.set(member, at);
      }
    }
    return lowest;
  };
  for (const rule of graph.keys()) if (!order.has(rule)) visit(rule);
  return cycles;
}
