import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '@shoal/protocol/json';
import { schemaGrammar } from './json-grammar.ts';
import { compile } from './testing/compiled-grammar.ts';

/** A schema and a value that fits it. */
interface Pair {
  readonly schema: JsonObject;
  readonly value: unknown;
}

const RUNS = 100;
const TEXTS_EACH = 12;

test('a value that fits a schema can be generated', () => {
  fc.assert(
    fc.property(pairs(3), ({ schema, value }) => {
      const accepts = compile(schemaGrammar(schema));
      assert.ok(accepts(JSON.stringify(value)), `${JSON.stringify(value)}\n${schemaGrammar(schema)}`);
    }),
    { numRuns: RUNS },
  );
});

test('of whole numbers exactly those within the bounds can be generated', () => {
  const ends = fc.integer({ min: -20_000, max: 20_000 });
  fc.assert(
    fc.property(ends, ends, fc.array(ends, { minLength: TEXTS_EACH, maxLength: TEXTS_EACH }), (one, other, values) => {
      const [minimum, maximum] = [Math.min(one, other), Math.max(one, other)];
      const within = compile(schemaGrammar({ type: 'integer', minimum, maximum }));
      const from = compile(schemaGrammar({ type: 'integer', exclusiveMinimum: minimum }));
      for (const value of [...values, minimum, maximum, minimum - 1, maximum + 1]) {
        assert.equal(within(`${value}`), value >= minimum && value <= maximum, `${value} in ${minimum} to ${maximum}`);
        assert.equal(from(`${value}`), value > minimum, `${value} above ${minimum}`);
      }
    }),
    { numRuns: RUNS },
  );
});

test('of decimal numbers exactly those within the bounds can be generated', () => {
  const ends = fc.integer({ min: -5000, max: 5000 }).map((value) => value / 1000);
  fc.assert(
    fc.property(ends, ends, fc.array(ends, { minLength: TEXTS_EACH, maxLength: TEXTS_EACH }), (one, other, values) => {
      const [minimum, maximum] = [Math.min(one, other), Math.max(one, other)];
      const within = compile(schemaGrammar({ type: 'number', minimum, maximum }));
      const from = compile(schemaGrammar({ type: 'number', exclusiveMinimum: minimum }));
      const below = compile(schemaGrammar({ type: 'number', exclusiveMaximum: maximum }));
      for (const value of [...values, minimum, maximum]) {
        const isZero = Object.is(value, -0);
        const text = isZero ? '0' : `${value}`;
        assert.equal(within(text), value >= minimum && value <= maximum, `${text} in ${minimum} to ${maximum}`);
        assert.equal(from(text), value > minimum, `${text} above ${minimum}`);
        assert.equal(below(text), value < maximum, `${text} below ${maximum}`);
      }
    }),
    { numRuns: RUNS },
  );
});

test('of texts exactly those that match a pattern can be generated', () => {
  fc.assert(
    fc.property(
      patterns(3),
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\', '\n'), maxLength: 6 })),
      (pattern, tried) => {
        const accepts = compile(schemaGrammar({ pattern }));
        const expected = new RegExp(pattern, 'u');
        for (const text of tried) {
          assert.equal(accepts(JSON.stringify(text)), expected.test(text), `${pattern} with ${JSON.stringify(text)}`);
        }
      },
    ),
    { numRuns: RUNS },
  );
});

/** Of schemas up to so many levels deep. */
function pairs(depth: number): fc.Arbitrary<Pair> {
  const leaves: fc.Arbitrary<Pair>[] = [
    fc
      .constantFrom(null, true, false)
      .map((value) => ({ schema: { type: value === null ? 'null' : 'boolean' }, value })),
    fc.integer().map((value) => ({ schema: { type: 'integer', minimum: value - 7, maximum: value + 90 }, value })),
    fc.integer().map((value) => ({ schema: { type: 'number' }, value: value / 8 })),
    texts().map((value) => ({ schema: { type: 'string', minLength: Array.from(value).length, maxLength: 30 }, value })),
    fc.array(texts(), { minLength: 1 }).map((values) => ({ schema: { enum: values }, value: values[0] })),
    texts().map((value) => ({ schema: { $ref: '#/$defs/shared' }, value })),
  ];
  const nested = depth === 0 ? [] : [objects(depth - 1), arrays(depth - 1), alternatives(depth - 1)];
  return fc.oneof(...leaves, ...nested).map(({ schema, value }) => ({
    // Only the outermost is looked at.
    schema: { ...schema, $defs: { shared: { type: 'string' } } },
    value,
  }));
}

function texts(): fc.Arbitrary<string> {
  return fc
    .string({ unit: 'grapheme', maxLength: 10 })
    .filter((text) => Array.from(text).length <= 30 && !text.includes('\u007F'));
}

function objects(depth: number): fc.Arbitrary<Pair> {
  // Names that are numbers come first in every object, wherever they were put.
  const name = texts().filter((text) => !/^\d+$/.test(text) && text !== '__proto__');
  const member = fc.record({ name, pair: pairs(depth), isThere: fc.boolean(), isRequired: fc.boolean() });
  const members = fc.uniqueArray(member, { selector: (one) => one.name, maxLength: 6 });
  return fc.tuple(members, fc.constantFrom(undefined, false, true)).map(([all, additionalProperties]) => ({
    schema: {
      type: 'object',
      properties: Object.fromEntries(all.map((one) => [one.name, one.pair.schema])),
      required: all.filter((one) => one.isThere && one.isRequired).map((one) => one.name),
      additionalProperties,
    },
    value: Object.fromEntries(all.filter(({ isThere }) => isThere).map((one) => [one.name, one.pair.value])),
  }));
}

function arrays(depth: number): fc.Arbitrary<Pair> {
  return fc.tuple(fc.array(pairs(depth), { minLength: 1, maxLength: 4 }), fc.boolean()).map(([all, isTuple]) => {
    const schemas = all.map(({ schema }) => schema);
    const value = all.map((one) => one.value);
    if (isTuple) return { schema: { type: 'array', prefixItems: schemas }, value };
    return { schema: { items: { anyOf: schemas }, minItems: all.length - 1, maxItems: all.length }, value };
  });
}

function alternatives(depth: number): fc.Arbitrary<Pair> {
  return fc.array(pairs(depth), { minLength: 1, maxLength: 3 }).map((all) => ({
    schema: { anyOf: all.map(({ schema }) => schema) },
    value: all.at(-1)?.value,
  }));
}

/** Of a small alphabet, with what JSON has to escape in it. What repeats is never empty. */
function patterns(depth: number): fc.Arbitrary<string> {
  const items = fc.constantFrom('a', 'b', '"', '\\\\', '\\n', '.', '[ab]', '[^a"]', '\\s', '\\S', '[\\\\-b]');
  const inner = depth === 0 ? items : fc.oneof(items, items, patternChoices(depth - 1));
  const repeated = fc
    .tuple(inner, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{2,}'))
    .map((parts) => parts.join(''));
  const sequence = fc.array(repeated, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''));
  return fc
    .array(
      fc.tuple(fc.constantFrom('', '^'), sequence, fc.constantFrom('', '$')).map((parts) => parts.join('')),
      {
        minLength: 1,
        maxLength: 2,
      },
    )
    .map((options) => options.join('|'));
}

function patternChoices(depth: number): fc.Arbitrary<string> {
  const item = fc.constantFrom('a', 'b', '[ab\\n]', 'ab', '"a');
  const nested = depth === 0 ? item : fc.oneof(item, patternChoices(depth - 1));
  return fc.array(nested, { minLength: 1, maxLength: 3 }).map((options) => `(?:${options.join('|')})`);
}
