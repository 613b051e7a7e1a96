import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHostileInput } from './hostile.ts';
import { runSuites } from './suites.ts';

const harness = { test: (name: string, run: () => void) => void test(name, run), equal: assert.deepStrictEqual };

runSuites(harness);
runHostileInput(harness);
