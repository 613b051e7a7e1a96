import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OfferedModel } from '@shoal/formats/models';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { resolveAlias, routesOf } from './model-route.ts';

const REQUEST: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };
const model = (id: string, more: Partial<OfferedModel> = {}): OfferedModel => ({ id, peers: [], isOwn: true, ...more });
const KNOWN = {
  aliases: { 'gpt-4o': 'qwen3:4b', 'claude-*': 'auto', 'claude-*-small': 'tiny', big: 'qwen3:32b@lab' },
  clusters: ['home', 'lab'],
  models: [
    model('qwen3:4b', { abilities: ['messages', 'tools'] }),
    model('tiny:latest', { abilities: ['messages'] }),
    model('odd@name'),
  ],
};
const routes = (names: readonly string[], request = REQUEST): readonly string[] =>
  routesOf(names, request, KNOWN).map(({ model: name, cluster }) => `${name ?? ''} in ${cluster ?? 'all'}`);

test('no name means the first model of each worker', () => {
  assert.deepEqual(routes([]), [' in all']);
});

test('a name is a model, an alias, auto, or a model in one cluster', () => {
  assert.deepEqual(routes(['qwen3:4b']), ['qwen3:4b in all']);
  assert.deepEqual(routes(['gpt-4o']), ['qwen3:4b in all']);
  assert.deepEqual(routes(['claude-opus-9']), ['auto in all']);
  assert.deepEqual(routes(['tiny@lab']), ['tiny in lab']);
  assert.deepEqual(routes(['big']), ['qwen3:32b in lab']);
  assert.deepEqual(routes(['odd@name']), ['odd@name in all']);
  assert.throws(() => routes(['tiny@work']), { code: 'INVALID_REQUEST', message: /cluster work.*home, lab/ });
});

test('an unknown model stays, because its worker may appear', () => {
  assert.deepEqual(routes(['llama-405b']), ['llama-405b in all']);
  assert.deepEqual(routes(['llama-405b', 'other']), ['llama-405b in all']);
});

test('of several names, those that are not on offer or lack an ability are left out', () => {
  assert.deepEqual(routes(['llama-405b', 'tiny', 'qwen3:4b']), ['tiny in all', 'qwen3:4b in all']);
  const withTools = { ...REQUEST, tools: [{ name: 'add' }] };
  assert.deepEqual(routes(['tiny', 'qwen3:4b'], withTools), ['qwen3:4b in all']);
  assert.deepEqual(routes(['tiny'], withTools), ['tiny in all']);
});

test('an exact alias comes before a pattern, and an asterisk stands for any text', () => {
  const aliases = { 'a*': '1', abc: '2', '*-x-*': '3', '*': '4' };
  const names = ['abc', 'ab', 'a', 'q-x-', '-x-', 'q-xx', ''];
  assert.deepEqual(
    names.map((name) => resolveAlias(name, aliases)),
    ['2', '1', '1', '3', '3', '4', '4'],
  );
  assert.equal(resolveAlias('toString', {}), 'toString');
  assert.equal(resolveAlias('ab', { 'ab*ab': 'x' }), 'ab');
});

test('a hostile pattern takes no time', () => {
  const name = 'a'.repeat(100_000);
  const started = performance.now();
  assert.equal(resolveAlias(name, { [`${'*a'.repeat(64)}b`]: 'x' }), name);
  assert.ok(performance.now() - started < 1_000);
});
