import { isObject, type JsonObject } from '@shoal/protocol';
import type { GrammarBuilder } from './grammar-builder.ts';
import { unfit } from './keywords.ts';
import { jsonLiteral } from './literal.ts';
import { otherKeyBody } from './other-keys.ts';
import type { SchemaRules } from './schema-rules.ts';

/** Of one object: where a comma may stand, llama.cpp follows all that may come next at once. */
const MAX_PROPERTIES = 256;
const MAX_PROPERTY_NAME_CHARS = 256;

interface Member {
  /** The rule of its name and value. */
  readonly rule: string;
  readonly isRequired: boolean;
  /** Any number of them. */
  readonly isRepeated: boolean;
}

/** Properties in the schema's order, of which those that are not required may be left out; then others. */
export function objectBody(rules: SchemaRules, schema: JsonObject, path: string, rule: string): string {
  const { builder } = rules;
  const properties = propertiesOf(schema, path);
  const { additionalProperties } = schema;
  // As llama.cpp does it: others are written where they are asked for, or where nothing is said at all.
  const others = additionalProperties ?? schema.properties === undefined;
  if (properties.length === 0 && others === true) return builder.primitive('object');
  const members = properties.map(({ name, value, isRequired }): Member => {
    const valueRule = rules.ruleOf(value, `${path}/properties/${name}`, `${rule}-${name}`);
    const pair = builder.addRule(`${rule}-${name}-kv`, `${jsonLiteral(name)} space ":" space ${valueRule}`);
    return { rule: pair, isRequired, isRepeated: false };
  });
  if (others !== false) {
    const key = keyOfOthers(builder, rule, properties);
    const value =
      others === true
        ? builder.primitive('value')
        : rules.ruleOf(others, `${path}/additionalProperties`, `${rule}-other`);
    const pair = builder.addRule(`${rule}-other-kv`, `${key} space ":" space ${value}`);
    members.push({ rule: pair, isRequired: false, isRepeated: true });
  }
  return membersBody(builder, members, rule);
}

function propertiesOf(schema: JsonObject, path: string) {
  const { properties = {}, additionalProperties } = schema;
  if (!isObject(properties)) throw unfit(path, '"properties" must be an object');
  const required = requiredOf(schema, path);
  // Nothing else is said of them, but they must be there.
  const unnamed = [...required].filter((name) => !Object.hasOwn(properties, name));
  const all = [
    ...Object.entries(properties),
    ...unnamed.map((name): [string, unknown] => [name, additionalProperties ?? true]),
  ];
  if (all.length > MAX_PROPERTIES) throw unfit(path, `there are more than ${MAX_PROPERTIES} properties`);
  const long = all.find(([name]) => name.length > MAX_PROPERTY_NAME_CHARS);
  if (long !== undefined) throw unfit(path, `a property's name has more than ${MAX_PROPERTY_NAME_CHARS} characters`);
  return all
    .map(([name, value]) => ({ name, value, isRequired: required.has(name) }))
    .filter(({ value, isRequired }) => isRequired || value !== false);
}

function requiredOf({ required = [] }: JsonObject, path: string): Set<string> {
  const isList = Array.isArray(required) && required.every((name: unknown) => typeof name === 'string');
  if (!isList) throw unfit(path, '"required" must be a list of texts');
  return new Set<string>(required);
}

function keyOfOthers(builder: GrammarBuilder, rule: string, properties: readonly { readonly name: string }[]): string {
  if (properties.length === 0) return builder.primitive('string');
  builder.primitive('char');
  return builder.addRule(`${rule}-other-key`, otherKeyBody(properties.map(({ name }) => name)));
}

/**
 * `{`, members with commas between them, `}`. The first that is written has no comma before it: that is one of those up to
 * the first that must be there.
 */
function membersBody(builder: GrammarBuilder, members: readonly Member[], rule: string): string {
  if (members.length === 0) return '"{" space "}"';
  const firstRequired = members.findIndex(({ isRequired }) => isRequired);
  const starts: string[] = [];
  // What may come behind a member, from the last to the first.
  let rest = '';
  for (const [index, member] of [...members.entries()].toReversed()) {
    const again = member.isRepeated ? builder.repeat(`("," space ${member.rule})`, 0) : '';
    if (firstRequired < 0 || index <= firstRequired) starts.unshift(inSequence(member.rule, again, rest));
    if (index > 0) rest = builder.addRule(`${rule}-rest`, inSequence(behindOther(member), rest));
  }
  return `"{" space (${starts.join(' | ')})${firstRequired < 0 ? '?' : ''} space "}"`;
}

function behindOther({ rule, isRequired, isRepeated }: Member): string {
  if (isRequired) return `"," space ${rule}`;
  return `("," space ${rule})${isRepeated ? '*' : '?'}`;
}

function inSequence(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
