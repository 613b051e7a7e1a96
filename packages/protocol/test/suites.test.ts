import assert from 'node:assert/strict';
import { test } from 'node:test';
import manifest from '../package.json' with { type: 'json' };
import { DIALECTS } from './dialects/index.ts';
import { runSuites } from './suites.ts';

/** A dialect is a folder; the other exports are files of the neutral model, and the contract suites. */
const DIALECT_ENTRY = /^\.\/src\/(?!contracts\/)[^/]+\/index\.ts$/;

test('every exported dialect is in the list that the suites run over', () => {
  const exported = Object.entries<string>(manifest.exports)
    .filter(([, file]) => DIALECT_ENTRY.test(file))
    .map(([path]) => path);
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
