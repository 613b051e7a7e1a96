import { isObject, type JsonObject } from '@shoal/protocol/json';
import type { GrammarBuilder } from './grammar-builder.ts';
import { unfit } from './keywords.ts';
import { jsonLiteral } from './literal.ts';
import { otherKeyBody } from './other-keys.ts';
import type { SchemaRules } from './schema-rules.ts';

/** Properties of one object: after a comma, llama.cpp follows all possible next ones at once. A schema with more is refused. */
const MAX_PROPERTIES = 256;
const MAX_PROPERTY_NAME_CHARS = 256;

interface Member {
  /** The rule of the name and value. */
  readonly rule: string;
  readonly isRequired: boolean;
  /** True for additional properties, of which there may be any number. */
  readonly isRepeated: boolean;
}

/** Returns the rule body of an object: properties in the schema's order, optional ones may be omitted; then additional ones. */
export function objectBody(rules: SchemaRules, schema: JsonObject, path: string, rule: string): string {
  const { builder } = rules;
  const properties = propertiesOf(schema, path);
  const { additionalProperties } = schema;
  // As in llama.cpp: additional properties are generated if the schema describes them or describes no properties.
  const others = additionalProperties ?? schema.properties === undefined;
  if (properties.length === 0 && others === true) return builder.primitive('object');
  for (const { name } of properties) builder.countLiteral(JSON.stringify(name));
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
  // Required properties that the schema does not describe.
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
  if (!isList) throw unfit(path, '"required" must be a list of strings');
  return new Set<string>(required);
}

function keyOfOthers(builder: GrammarBuilder, rule: string, properties: readonly { readonly name: string }[]): string {
  if (properties.length === 0) return builder.primitive('string');
  builder.primitive('char');
  return builder.addRule(`${rule}-other-key`, otherKeyBody(properties.map(({ name }) => name)));
}

/**
 * Returns the rule body of `{`, members separated by commas, `}`. The first generated member has no comma before it: it is one
 * of those up to the first required one.
 */
function membersBody(builder: GrammarBuilder, members: readonly Member[], rule: string): string {
  if (members.length === 0) return '"{" space "}"';
  const firstRequired = members.findIndex(({ isRequired }) => isRequired);
  const starts: string[] = [];
  // The rule of what may follow a member, from the last member to the first.
  let rest = '';
  for (const [index, member] of [...members.entries()].toReversed()) {
    const again = member.isRepeated ? builder.repeat(`("," space ${member.rule})`, 0) : '';
    if (firstRequired < 0 || index <= firstRequired) starts.unshift(inSequence(member.rule, again, rest));
    if (index > 0) rest = builder.addRule(`${rule}-rest`, inSequence(afterOther(member), rest));
  }
  return `"{" space (${starts.join(' | ')})${firstRequired < 0 ? '?' : ''} space "}"`;
}

function afterOther({ rule, isRequired, isRepeated }: Member): string {
  if (isRequired) return `"," space ${rule}`;
  return `("," space ${rule})${isRepeated ? '*' : '?'}`;
}

function inSequence(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}
