import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { addSchema, GrammarBuilder } from './index.ts';
import { jsonGrammar, schemaGrammar } from './json-grammar.ts';
import { compile } from './testing/compiled-grammar.ts';

/** A schema, JSON texts that are to be accepted, and some that are not. */
type Case = readonly [schema: JsonObject, accepted: readonly string[], refused: readonly string[]];

const MOST_MS = 2_000;

test('any JSON object is accepted, and nothing else', () => {
  const accepts = compile(jsonGrammar());
  for (const text of ['{}', '{"a": [1, -2.5e3, "x\\n", null, true], "b": {"c": {}}}', '{\n  "a": 1\n}']) {
    assert.ok(accepts(text), text);
  }
  for (const text of ['[]', '1', '{', '{"a":}', '{"a":01}', '{"a":1,}', `{${' '.repeat(3)}}`]) {
    assert.ok(!accepts(text), text);
  }
});

test('objects have the properties they must, may have the others, and keep their order', () => {
  const optional = { a: { type: 'string' }, b: { type: 'integer' }, c: {} };
  check([
    [
      { type: 'object', properties: optional, required: ['b'] },
      ['{"b":1}', '{"a":"x", "b": 3, "c": []}', '{"b":1,"c":null}'],
      ['{"a":"x"}', '{"c":1}', '{"b":1,"a":"x"}', '{"b":1,"d":2}', '{"b":1,"b":1}'],
    ],
    [{ properties: optional }, ['{}', '{"c":1}', '{"a":"x","c":1}'], ['{"a":1}', '1']],
    [{ type: 'object', properties: {}, additionalProperties: false }, ['{}'], ['{"a":1}']],
    [{ type: 'object', required: ['a'] }, ['{"a":1}', '{"a":1,"b":2}'], ['{}', '{"b":1}']],
    [
      { properties: { a: { type: 'string' }, ab: {} }, additionalProperties: { type: 'integer' } },
      ['{}', '{"a":"x"}', '{"z":1}', '{"a":"","abc":3,"b":4}', '{"":1}', '{"aß\\n":1}'],
      ['{"a":1}', '{"z":"x"}', String.raw`{"\u0061":1}`, '{"ab":1,"ab":2}'],
    ],
    [
      { properties: { 'a"\\\n': { const: 1 } }, additionalProperties: {} },
      [String.raw`{"a\"\\\n":1,"a":2}`],
      ['{"a"":1}'],
    ],
    [{ properties: { a: false, b: true } }, ['{"b":1}'], ['{"a":1}']],
  ]);
});

test('arrays have as many items as they must, each as its place asks for', () => {
  const integers = { type: 'array', items: { type: 'integer' } };
  const pair = [{ type: 'string' }, { type: 'integer' }];
  check([
    [integers, ['[]', '[1]', '[1, 2,3]'], ['["a"]', '[1,]', '[1 2]']],
    [{ ...integers, minItems: 2, maxItems: 3 }, ['[1,2]', '[1,2,3]'], ['[]', '[1]', '[1,2,3,4]']],
    [{ ...integers, maxItems: 1 }, ['[]', '[1]'], ['[1,2]']],
    [{ type: 'array', maxItems: 0 }, ['[]'], ['[1]']],
    [{ type: 'array' }, ['[]', '[1,"a",[]]'], ['{}']],
    [{ prefixItems: pair }, ['["a",1]'], ['["a"]', '["a",1,2]', '[1,"a"]']],
    [{ prefixItems: pair, maxItems: 1 }, ['["a"]'], ['["a",1]']],
    [{ items: pair, additionalItems: { type: 'null' } }, ['["a",1]', '["a",1,null,null]'], ['["a",1,2]']],
    [{ prefixItems: pair, items: { type: 'null' }, minItems: 3 }, ['["a",1,null]'], ['["a",1]']],
    [{ prefixItems: pair, minItems: 3 }, ['["a",1,"any"]'], ['["a",1]']],
  ]);
});

test('texts have the length, the pattern and the format that is asked for', () => {
  check([
    [{ type: 'string', minLength: 2, maxLength: 3 }, ['"ab"', String.raw`"a\n"`, '"äöü"'], ['"a"', '"abcd"', '1']],
    [{ pattern: String.raw`^a"b\\c\d{2,3}$` }, [String.raw`"a\"b\\c12"`], [String.raw`"a\"b\\c1"`, '"abc12"']],
    [{ pattern: 'foo' }, ['"foo"', String.raw`"x\nfooy"`], ['"fo"']],
    [{ pattern: '^foo|bar$' }, ['"foo"', '"foox"', '"xbar"'], ['"xfoo"', '"barx"']],
    [{ pattern: '^(a|bc){2}[^x-z"]$' }, ['"abcd"', String.raw`"aa\\"`], ['"aax"', '"ab"', String.raw`"aa\""`]],
    [{ pattern: String.raw`^[\w.+-]+@(?:[a-z]+\.)+[a-z]{2,}$` }, ['"a.b@c.de"'], ['"a@b"', '"@c.de"']],
    [{ pattern: '^[a-z]{1,5}?$', minLength: 1, maxLength: 10 }, ['"abc"'], ['""', '"abcdef"']],
    [{ pattern: '^.\\u00e4$' }, ['"xä"', '"😀ä"'], [String.raw`"\nä"`]],
    [{ pattern: '^(|a)$' }, ['""', '"a"'], ['"b"']],
    [{ format: 'date' }, ['"2026-01-31"'], ['"2026-13-01"', '"2026-1-1"']],
    [{ format: 'time' }, ['"23:59:00Z"', '"00:00:00.123+01:00"'], ['"24:00:00Z"']],
    [{ type: 'string', format: 'date-time' }, ['"2026-01-31T10:00:00Z"'], ['"2026-01-31"']],
    [{ format: 'email' }, ['"a.b+c@mail.example.org"'], ['"a@b"', '"@example.org"', '"a..b@example.org"']],
    [{ format: 'hostname' }, ['"a-1.example.org"'], ['"-a.org"', '"a..b"']],
    [{ format: 'ipv4' }, ['"192.168.0.255"'], ['"256.0.0.1"', '"1.2.3"', '"01.2.3.4"']],
    [{ format: 'uri' }, ['"https://example.org:80/a/b?c=d%20#e"'], ['"example.org"', '"https://a#b#c"', '"a://b c"']],
    [{ format: 'uuid' }, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123e4567"']],
  ]);
});

test('constants, types and combinations are kept to', () => {
  const one = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
  const two = { properties: { b: { type: 'integer' } }, required: ['b'] };
  check([
    [{ enum: ['a', 1, null, { x: [1] }] }, ['"a"', '1', 'null', '{"x":[1]}'], ['"b"', '2']],
    [{ type: 'string', enum: ['a', 1] }, ['"a"'], ['1']],
    [
      { enum: ['b', 'ab', 'abc', 'abd', 'a'] },
      ['"a"', '"ab"', '"abc"', '"abd"', '"b"'],
      ['"abcd"', '"abe"', '""', '"c"'],
    ],
    [{ const: 'a"\n\\b', type: 'string' }, [JSON.stringify('a"\n\\b')], ['"a"']],
    [{ type: ['string', 'null'], minLength: 1 }, ['null', '"x"'], ['1', '""']],
    [{}, ['1', '{"a":[true]}', '"x"'], ['x']],
    [{ type: 'boolean', title: 'A', 'x-ours': 1 }, ['true', 'false'], ['0']],
    [{ anyOf: [one, { type: 'null' }] }, ['{"a":"x"}', 'null'], ['{}']],
    [{ oneOf: [{ const: 1 }, { const: 2 }] }, ['1', '2'], ['3']],
    [{ allOf: [one, two] }, ['{"a":"x","b":1}'], ['{"a":"x"}', '{"b":1}']],
    [
      {
        allOf: [
          { minimum: 2, type: 'integer' },
          { maximum: 3, type: 'number' },
        ],
      },
      ['2', '3'],
      ['1', '4', '2.5'],
    ],
    [{ allOf: [{ enum: [1, 2] }, { enum: [2, 3] }] }, ['2'], ['1', '3']],
    [{ allOf: [{ items: { type: 'integer' } }, { items: { minimum: 3 }, minItems: 1 }] }, ['[3]'], ['[2]', '[]']],
    [{ allOf: [{ const: [1] }, { allOf: [{}, { type: 'array' }] }] }, ['[1]'], ['[2]']],
    [
      { allOf: [one, { additionalProperties: false, properties: { a: { minLength: 2 } } }] },
      ['{"a":"xx"}'],
      ['{"a":"x"}'],
    ],
    [
      { ...one, properties: { ...one.properties, ...two.properties }, required: [], anyOf: [{ required: ['a'] }, two] },
      ['{"a":"x"}', '{"b":1}', '{"a":"x","b":1}'],
      ['{}'],
    ],
  ]);
});

test('references within the document are followed, those to themselves too', () => {
  const list = { type: 'object', properties: { v: { type: 'integer' }, next: { $ref: '#/$defs/n' } }, required: ['v'] };
  check([
    [{ $ref: '#/$defs/n', $defs: { n: list } }, ['{"v":1,"next":{"v":2}}'], ['{"v":1,"next":{}}', '{"next":{"v":1}}']],
    [{ items: { $ref: '#' } }, ['[]', '[[],[[]]]'], ['[1]', '{}']],
    [{ $ref: '#/definitions/a~1b', definitions: { 'a/b': { const: 1 } } }, ['1'], ['2']],
    [{ items: { $ref: '#/$defs/s', maxLength: 1 }, $defs: { s: { minLength: 1 } } }, ['["a"]'], ['[""]', '["aa"]']],
  ]);
});

test('unsupported schemas are refused with the keyword and its path', () => {
  const deep = (schema: JsonObject): JsonObject => ({ properties: { a: { items: schema } } });
  const cases: [JsonObject, RegExp][] = [
    [deep({ multipleOf: 2 }), /at #\/properties\/a\/items, "multipleOf" is not supported/],
    [deep({ uniqueItems: true }), /"uniqueItems"/],
    [{ not: {} }, /"not"/],
    [{ if: {} }, /"if"/],
    [{ patternProperties: {} }, /"patternProperties"/],
    [{ type: 'any' }, /"type" must be of/],
    [{ type: [] }, /"type" must be of/],
    [{ format: 'regex' }, /"format" must be one of date,/],
    [{ $ref: 'https://example.org/a' }, /"\$ref" must point into the schema/],
    [{ $ref: '#/$defs/none' }, /"\$ref" does not point to a schema/],
    [{ $ref: '#' }, /refers to itself/],
    [{ anyOf: [{ type: 'null' }, { $ref: '#' }] }, /refers to itself/],
    [{ $ref: '#', minLength: 1 }, /refer to themselves/],
    [{ allOf: [{ $ref: '#' }] }, /refer to themselves|refers to itself/],
    [{ enum: [] }, /no value of "enum"/],
    [{ enum: [1], minimum: 2 }, /"minimum" is not supported beside/],
    [{ anyOf: [] }, /"anyOf" must be a list/],
    [{ items: 1 }, /a schema must be an object/],
    [{ properties: [] }, /"properties" must be an object/],
    [{ required: [1] }, /"required" must be/],
    [{ properties: { a: false }, required: ['a'] }, /the schema false/],
    [{ minLength: 3, maxLength: 2 }, /"minLength" is more than "maxLength"/],
    [{ minItems: -1 }, /"minItems" must be a whole number/],
    [{ minimum: 3, maximum: 1 }, /no number/],
    [{ type: 'integer', minimum: 1.2, maximum: 1.8 }, /no number/],
    [{ exclusiveMinimum: true }, /"exclusiveMinimum" must be a number/],
    [{ allOf: [{ type: 'string' }, { type: 'integer' }] }, /no "type" fits all/],
    [{ allOf: [{ pattern: 'a' }, { pattern: 'b' }] }, /two values of "pattern"/],
    [{ pattern: '^a+$', maxLength: 9 }, /longer than "maxLength"/],
    ...['(a*)*', '(?=a)', String.raw`(a)\1`, 'a^', '(a', 'a)', '[a', '[b-a]', String.raw`\p{L}`, 'a{', '*', '\\'].map(
      (pattern): [JsonObject, RegExp] => [{ pattern }, /the "pattern" cannot be used, because/],
    ),
  ];
  for (const [schema, why] of cases) assert.throws(() => schemaGrammar(schema), refusal(why), JSON.stringify(schema));
});

test('hostile schemas are refused before they take time or memory', () => {
  const chain = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [`d${index}`, { items: { $ref: `#/$defs/d${index + 1}` } }]),
  );
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [
      `d${index}`,
      { allOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] },
    ]),
  );
  // Ever more ways through it, and not one end.
  const layers = Object.fromEntries(
    Array.from({ length: 100 * 30 }, (_, index) => [
      `l${index}`,
      {
        anyOf: Array.from({ length: 30 }, (_way, way) => ({
          $ref: `#/$defs/l${((Math.floor(index / 30) + 1) % 100) * 30 + way}`,
        })),
      },
    ]),
  );
  const twoWays = Array.from({ length: 40 }, () => ({ anyOf: [{ minLength: 1 }, { maxLength: 4 }] }));
  const names = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`p${index}`, {}]));
  const cases: JsonObject[] = [
    { type: 'array', maxItems: 1e9 },
    { type: 'string', minLength: 1e9 },
    { type: 'array', prefixItems: Array.from({ length: 20 }, () => ({ maxLength: 2000 })) },
    { $ref: '#/$defs/d0', $defs: chain },
    { $ref: '#/$defs/d0', $defs: { ...doubling, d40: {} } },
    { $ref: '#/$defs/l0', $defs: layers },
    { allOf: twoWays },
    { properties: names },
    { enum: Array.from({ length: 100_000 }, (_, index) => index) },
    { anyOf: Array.from({ length: 200 }, () => ({ enum: Array.from({ length: 1000 }, (_, index) => index) })) },
    { properties: { ['a'.repeat(100_000)]: {} }, additionalProperties: true },
    { pattern: `^${'(a|'.repeat(100)}` },
    { pattern: 'a'.repeat(10_000) },
    { pattern: `^${'a?'.repeat(400)}$` },
    { anyOf: Array.from({ length: 1000 }, () => ({})) },
    { pattern: '^a{1000000000}$' },
    { pattern: `^${'[a-z]{0,1999}'.repeat(11)}$` },
    { enum: ['x', 'y'.repeat(700_000)], anyOf: many(256, { anyOf: many(37, { enum: ['x'] }) }) },
  ];
  for (const schema of cases) {
    const startedAt = performance.now();
    assert.throws(() => schemaGrammar(schema), refusal(/./));
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < MOST_MS, `${JSON.stringify(schema).slice(0, 80)} took ${tookMs} ms`);
  }
});

test('schemas and other rules can be in one grammar, whatever their names', () => {
  const builder = new GrammarBuilder();
  const schemas = ['string', 'space', 'same name', 'same name', 'root', ''].map((name) =>
    addSchema(builder, `call-${name}`, { type: 'object', properties: { [name]: { const: name } }, required: [name] }),
  );
  assert.equal(new Set(schemas).size, schemas.length);
  assert.equal(builder.addRule('root', schemas.map((rule) => `"<" ${rule} ">"`).join(' | ')), 'root');
  const accepts = compile(builder.toString());
  assert.ok(accepts('<{"space":"space"}>'));
  assert.ok(accepts('<{"same name":"same name"}>'));
  assert.ok(!accepts('<{"space":"root"}>'));
  assert.notEqual(builder.addRule('string', '"x"'), 'string');
});

function many(count: number, schema: JsonObject): readonly JsonObject[] {
  return Array.from({ length: count }, () => schema);
}

function check(cases: readonly Case[]): void {
  for (const [schema, accepted, refused] of cases) {
    const accepts = compile(schemaGrammar(schema));
    for (const text of accepted) assert.ok(accepts(text), `${JSON.stringify(schema)} is to accept ${text}`);
    for (const text of refused) assert.ok(!accepts(text), `${JSON.stringify(schema)} is to refuse ${text}`);
  }
}

function refusal(why: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ShoalError && error.code === 'INVALID_REQUEST' && why.test(error.message);
}
