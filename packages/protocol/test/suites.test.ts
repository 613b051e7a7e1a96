import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSuites } from './suites.ts';

runSuites({ test: (name, run) => void test(name, run), equal: assert.deepStrictEqual });
