import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { pino } from 'pino';
import { API_PATHS } from '../api.ts';
import { openTestApi, testApiOptions } from '../testing/test-api.ts';
import { addRoutes } from './http.ts';
import { Metrics } from './metrics/metrics.ts';
import { openApiDocument } from './openapi.ts';
import { createServer } from './server.ts';

interface Operation {
  readonly security: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly required: boolean }[] | undefined;
}

/** The parts of the document that these tests read. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const document: Document = JSON.parse(JSON.stringify(openApiDocument()));

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate({ ...document });
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, '3.1');
});

test('the document has every route under /shoal/v1 and no other, with its scope', async (t) => {
  const server = createServer(pino({ enabled: false }));
  const metrics = new Metrics({ isOffered: () => false });
  t.after(async () => {
    metrics.close();
    await server.close();
  });
  const scopes = new Map<string, string>();
  server.addHook('onRoute', ({ method, url, config }) => {
    if (method === 'HEAD' || !url.startsWith('/shoal/')) return;
    scopes.set(`${String(method)} ${url}`, config?.scope ?? 'admin');
  });
  const none = (): never => assert.fail('no call is made');
  const { library, requests, log, onStop } = testApiOptions();
  addRoutes(server, { node: none, nodeForCalls: none, aliases: {}, library, metrics, requests, log, onStop });
  const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, { security }]) => [`${method.toUpperCase()} ${path}`, scopeOf(security)] as const,
    ),
  );
  assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(scopes));
});

test('every reference of the document has a schema, and every schema is referred to', () => {
  const text = JSON.stringify(document);
  const used = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name = '']) => name));
  assert.deepEqual([...used].toSorted(), Object.keys(document.components.schemas).toSorted());
  assert.equal(text.match(/"\$ref":"/g)?.length, text.match(/"\$ref":"#\/components\/schemas\//g)?.length);
});

test('parameters of a query are documented', () => {
  const { clusters, peers } = API_PATHS;
  const named = [document.paths[clusters]?.['delete'], document.paths[peers]?.['get']].map((operation) =>
    operation?.parameters?.map(({ name, required }) => [name, required]),
  );
  assert.deepEqual(named, [[['id', true]], [['cluster', false]]]);
});

test('the document is served to everybody', async (t) => {
  const { api } = await openTestApi(t);
  const response = await fetch(`${api.url}${API_PATHS.openapi}`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), document);
});

/** The scope in the requirements, whose last is empty if the call may need no token. */
function scopeOf(security: readonly object[]): unknown {
  const [first] = security;
  if (first === undefined) return 'none';
  const [[, scopes] = []] = Object.entries(first);
  return Array.isArray(scopes) ? scopes[0] : undefined;
}
