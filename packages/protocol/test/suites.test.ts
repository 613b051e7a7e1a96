import assert from 'node:assert/strict';
import { test } from 'node:test';
import manifest from '../package.json' with { type: 'json' };
import { DIALECTS } from './dialects/index.ts';
import { runSuites } from './suites.ts';

const NOT_DIALECTS = ['.', './contracts'];

test('every exported dialect is in the list that the suites run over', () => {
  const exported = Object.keys(manifest.exports).filter((path) => !NOT_DIALECTS.includes(path));
  assert.deepEqual(
    exported,
    Object.keys(DIALECTS).map((name) => `./${name}`),
  );
});

runSuites({
  test: (name, run) => void test(name, run),
  skip: (name, why) => void test(name, { skip: why }),
  equal: assert.deepStrictEqual,
});
