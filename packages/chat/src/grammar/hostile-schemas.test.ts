import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { schemaGrammar } from './json-grammar.ts';
import { compile } from './testing/compiled-grammar.ts';

const MOST_MS = 2_000;
/** The memory of a thread that writes a grammar, much less than the gigabytes that a schema once took. */
const MOST_HEAP_MIB = 96;

/** Returns values of 500 characters, each of which shares another beginning with the others. */
function manyBeginnings(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const shared = 'a'.repeat(Math.floor(index / 2));
    return `${shared}${index % 2 === 0 ? 'b' : 'c'}`.padEnd(500, 'x');
  });
}

const ARRAYS = [1, 2, 3].map((maxItems) => ({ type: 'array', items: { $ref: '#/$defs/x' }, maxItems }));
const OBJECTS = [1, 2].map((maxLength) => ({
  properties: { child: { $ref: '#/$defs/x' }, name: { type: 'string', maxLength } },
}));

/** Returns `levels` definitions, each with two ways to the next. */
function twoWaysEach(levels: number): JsonObject {
  const ways = (level: number) =>
    [1, 2].map((maxItems) => ({ type: 'array', items: { $ref: `#/$defs/d${level + 1}` }, maxItems }));
  const entries = Array.from({ length: levels }, (_, level) => [`d${level}`, { anyOf: ways(level) }]);
  return { $ref: '#/$defs/d0', $defs: { ...Object.fromEntries(entries), [`d${levels}`]: {} } };
}

test('a thousand long values take little time and memory', async () => {
  const source = `
    import { workerData } from 'node:worker_threads';
    const { schemaGrammar } = await import(workerData.module);
    schemaGrammar(workerData.schema);`;
  const startedAt = performance.now();
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { module: import.meta.resolve('./json-grammar.ts'), schema: { enum: manyBeginnings(950) } },
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB },
  });
  const ended = Promise.withResolvers<void>();
  worker.once('error', ended.reject).once('exit', () => ended.resolve());
  await ended.promise;
  assert.ok(performance.now() - startedAt < MOST_MS);
});

test('a schema over a limit is refused with the limit', () => {
  const value = (index: number) => `${'v'.repeat(500)}-${index}`;
  const enumOf = (count: number) => ({ enum: Array.from({ length: count }, (_, index) => index) });
  const wide = Array.from({ length: 40 }, (_, index) => ({ const: index }));
  const pattern = (source: string) => ({ type: 'string', pattern: source });
  const cases: readonly (readonly [JsonObject, RegExp])[] = [
    [
      { anyOf: [1, 2, 3].map((_, at) => ({ enum: Array.from({ length: 400 }, (_v, i) => value(at * 400 + i)) })) },
      /512 KiB of constants/,
    ],
    [{ prefixItems: Array.from({ length: 5 }, () => enumOf(1000)) }, /4096 alternatives/],
    [{ anyOf: Array.from({ length: 40 }, () => ({ anyOf: wide })) }, /more than 1000 ways/],
    [{ $ref: '#/$defs/x', $defs: { x: { anyOf: [...ARRAYS, { type: 'null' }] } } }, /contain themselves begin alike/],
    [{ $ref: '#/$defs/x', $defs: { x: { anyOf: [...OBJECTS, { type: 'null' }] } } }, /contain themselves begin alike/],
    [twoWaysEach(14), /more than 1000 ways/],
    [pattern('^((a{1,30}){1,30}){1,30}$'), /more than 1000 ways/],
    [
      { anyOf: Array.from({ length: 200 }, (_, index) => pattern(`^${'[ab]?'.repeat(60)}${index}$`)) },
      /more than 1000 ways/,
    ],
  ];
  for (const [schema, limit] of cases) {
    const startedAt = performance.now();
    assert.throws(
      () => schemaGrammar(schema),
      (error) => error instanceof ShoalError && error.code === 'INVALID_REQUEST' && limit.test(error.message),
      `${JSON.stringify(schema).slice(0, 100)} ${limit}`,
    );
    assert.ok(performance.now() - startedAt < MOST_MS, JSON.stringify(schema).slice(0, 100));
  }
});

test('schemas that contain themselves are used if their alternatives begin differently', () => {
  const self = { $ref: '#' };
  const node = (kind: string, others: JsonObject) => ({
    type: 'object',
    properties: { id: { type: 'integer' }, kind: { const: kind }, ...others },
    required: ['id', 'kind'],
  });
  const accepts = compile(
    schemaGrammar({
      anyOf: [
        node('sum', { left: self, right: self }),
        node('not', { of: self }),
        { type: 'array', items: self },
        { type: 'null' },
      ],
    }),
  );
  assert.ok(accepts('{"id":1,"kind":"sum","left":[{"id":2,"kind":"not","of":null}]}'));
  assert.ok(!accepts('{"id":1,"kind":"or"}'));
  const startedAt = performance.now();
  accepts('{"id":1,"kind":"not","of":'.repeat(40));
  assert.ok(performance.now() - startedAt < MOST_MS);
});
