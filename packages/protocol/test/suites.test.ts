import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHostileInput } from './hostile.ts';
import { runSuites } from './suites.ts';

const harness = {
  test: (name: string, run: () => void) => void test(name, run),
  skip: (name: string, why: string) => void test(name, { skip: why }),
  equal: assert.deepStrictEqual,
};

runSuites(harness);
runHostileInput(harness);
