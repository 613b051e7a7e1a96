import { isObject, type JsonObject } from '@shoal/protocol/json';
import { arrayBody } from './array-rule.ts';
import { constantsBody } from './constants.ts';
import type { GrammarBuilder } from './grammar-builder.ts';
import { assertions, asSchema, schemasOf, unfit } from './keywords.ts';
import { mergeSchemas } from './merge.ts';
import { numberBody } from './number-rule.ts';
import { objectBody } from './object-rule.ts';
import { Readings } from './readings.ts';
import { stringRule } from './string-rule.ts';
import type { SchemaRules } from './schema-rules.ts';
import { type SchemaType, typesOf } from './types.ts';

/** Schemas and properties of one JSON schema. Each merge by `allOf` and the like counts them again. More are refused. */
const MAX_SCHEMAS_READ = 10_000;
/** The characters of merged schemas, as JSON. Each merge counts again. */
const MAX_MERGED_CHARS = 16 * 1024 * 1024;
/** Levels that the schemas of one JSON schema may nest, including references. A deeper one is refused. */
const MAX_SCHEMA_DEPTH = 128;

/** Adds rules for JSON that fits the schema. Returns the name of the first: `name`, or a similar one if that is taken. */
export function addSchema(builder: GrammarBuilder, name: string, schema: JsonObject): string {
  const rule = builder.reserve(name);
  new SchemaWriter(builder, schema).write(rule);
  return rule;
}

/**
 * Writes rules for the schemas of one document (JSON Schema 2020-12, and `items`, `definitions` of older drafts). Generated
 * values fit the schema, but not every fitting value can be generated: properties have the schema's order, properties and
 * items that it does not describe are omitted unless required, and `oneOf` is treated as `anyOf`.
 */
class SchemaWriter implements SchemaRules {
  readonly builder: GrammarBuilder;
  readonly #document: JsonObject;
  /** The rules of referenced schemas, by JSON pointer. */
  readonly #references = new Map<string, string>();
  readonly #readings = new Readings();
  /** The rules that are being defined, the innermost last. */
  readonly #open: string[] = [];
  #schemas = 0;
  #mergedChars = 0;

  constructor(builder: GrammarBuilder, document: JsonObject) {
    this.builder = builder;
    this.#document = document;
  }

  /** Defines the reserved `rule` by the document. */
  write(rule: string): void {
    this.#references.set('#', rule);
    this.#define(rule, this.#document, '#');
    const endless = this.builder.rulesWithoutEnd();
    for (const [pointer, referred] of this.#references) {
      if (endless.has(referred)) throw unfit(pointer, '"$ref" refers to itself');
    }
    this.#readings.check();
  }

  ruleOf(value: unknown, path: string, name: string): string {
    const rule = this.#ruleOf(value, path, name);
    const parent = this.#open.at(-1);
    if (parent !== undefined) this.#readings.addContent(parent, rule);
    return rule;
  }

  #ruleOf(value: unknown, path: string, name: string): string {
    const schema = asSchema(value, path);
    const { $ref, ...others } = assertions(schema, path);
    if ($ref !== undefined && Object.keys(others).length === 0) return this.#referred($ref, path);
    const rule = this.builder.reserve(name);
    this.#define(rule, schema, path);
    return rule;
  }

  #define(rule: string, schema: JsonObject, path: string): void {
    this.#count(1, path);
    if (this.#open.push(rule) > MAX_SCHEMA_DEPTH) {
      throw unfit(path, `schemas are more than ${MAX_SCHEMA_DEPTH} deep, or refer to themselves`);
    }
    this.#defineBody(rule, this.#merged(assertions(schema, path), path), path);
    this.#open.pop();
  }

  #defineBody(rule: string, schema: JsonObject, path: string): void {
    const { $ref, ...beside } = schema;
    if ($ref !== undefined) return this.#defineReferring(rule, $ref, beside, path);
    for (const keyword of ['anyOf', 'oneOf']) {
      if (schema[keyword] === undefined) continue;
      const { [keyword]: _, ...others } = schema;
      const alternatives = schemasOf(schema, keyword, path).map((alternative) =>
        Object.keys(others).length === 0 ? alternative : this.#merge(others, alternative, path),
      );
      return this.#defineAlternatives(rule, alternatives, `${path}/${keyword}`);
    }
    const types = typesOf(schema, path);
    if (schema.const !== undefined || schema.enum !== undefined) {
      this.builder.define(rule, constantsBody(this.builder, schema, path));
    } else if (types === undefined) {
      this.builder.define(rule, this.builder.primitive('value'));
    } else if (types.length > 1) {
      const alternatives = types.map((type) => ({ ...schema, type }));
      this.#defineAlternatives(rule, alternatives, path);
    } else {
      for (const type of types) {
        this.#readings.addValue(rule, { type, schema, path });
        this.builder.define(rule, this.#bodyOfType(type, schema, path, rule));
      }
    }
  }

  #defineAlternatives(rule: string, alternatives: readonly JsonObject[], path: string): void {
    this.builder.countAlternatives(alternatives.length);
    const rules = alternatives.map((schema, index) => this.ruleOf(schema, `${path}/${index}`, `${rule}-${index}`));
    this.builder.defineAlternatives(rule, rules);
    this.#readings.addChoice(rule, rules, path);
  }

  /** Defines a rule by a reference and the keywords next to it. */
  #defineReferring(rule: string, reference: unknown, beside: JsonObject, path: string): void {
    if (Object.keys(beside).length === 0) {
      return this.#defineAlternatives(rule, [{ $ref: reference }], path);
    }
    const { target } = this.#find(reference, path);
    this.#define(rule, this.#merge(assertions(target, path), beside, path), path);
  }

  #bodyOfType(type: SchemaType, schema: JsonObject, path: string, rule: string): string {
    switch (type) {
      case 'object':
        return objectBody(this, schema, path, rule);
      case 'array':
        return arrayBody(this, schema, path, rule);
      case 'string': {
        const { body, readings } = stringRule(this.builder, schema, path, rule);
        this.#readings.addValue(rule, { type, schema, path, own: readings });
        return body;
      }
      case 'integer':
      case 'number':
        return numberBody(this.builder, type, schema, path);
      case 'boolean':
      case 'null':
        return this.builder.primitive(type);
      default:
        return type satisfies never;
    }
  }

  /** Merges the schemas of `allOf`. */
  #merged(schema: JsonObject, path: string): JsonObject {
    if (schema.allOf === undefined) return schema;
    const { allOf: _, ...others } = schema;
    return schemasOf(schema, 'allOf', path).reduce((merged, part, index) => {
      const partPath = `${path}/allOf/${index}`;
      return this.#merge(merged, this.#merged(assertions(part, partPath), partPath), path);
    }, others);
  }

  #merge(left: JsonObject, right: JsonObject, path: string): JsonObject {
    const properties = [left.properties, right.properties].filter(isObject);
    this.#count(
      properties.reduce((total, some) => total + Object.keys(some).length, 1),
      path,
    );
    this.#mergedChars += JSON.stringify([left, right]).length;
    if (this.#mergedChars > MAX_MERGED_CHARS) throw unfit(path, 'its parts are too large to be merged');
    return mergeSchemas(left, assertions(right, path), path);
  }

  #count(schemas: number, path: string): void {
    this.#schemas += schemas;
    if (this.#schemas > MAX_SCHEMAS_READ)
      throw unfit(path, `it has more than ${MAX_SCHEMAS_READ} schemas, including merged ones`);
  }

  #referred(reference: unknown, path: string): string {
    const { target, pointer } = this.#find(reference, path);
    const known = this.#references.get(pointer);
    if (known !== undefined) return known;
    const rule = this.builder.reserve(pointer.slice(pointer.lastIndexOf('/') + 1));
    this.#references.set(pointer, rule);
    this.#define(rule, target, pointer);
    return rule;
  }

  /** Resolves a JSON pointer within the document (RFC 6901). */
  #find(reference: unknown, path: string): { target: JsonObject; pointer: string } {
    if (typeof reference !== 'string' || (reference !== '#' && !reference.startsWith('#/'))) {
      throw unfit(path, '"$ref" must point into the schema itself, such as "#/$defs/name"');
    }
    const target = reference
      .split('/')
      .slice(1)
      .reduce<unknown>((value, key) => memberOf(value, unescapePointer(key, path)), this.#document);
    if (!isObject(target) && target !== true) throw unfit(path, '"$ref" does not point to a schema');
    return { target: target === true ? {} : target, pointer: reference };
  }
}

function memberOf(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return /^\d{1,9}$/.test(key) ? value[Number(key)] : undefined;
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function unescapePointer(key: string, path: string): string {
  try {
    return decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch (cause) {
    throw unfit(path, `"$ref" is not a JSON pointer (${String(cause)})`);
  }
}
