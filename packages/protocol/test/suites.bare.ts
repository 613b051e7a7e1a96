import { runHostileInput } from './hostile.ts';
import { runSuites } from './suites.ts';

/** Runs in Bare, which has no test runner: the same cases, a line each, and how many passed. */
let passed = 0;
const failed: string[] = [];

function equal(actual: unknown, expected: unknown): void {
  const [left, right] = [actual, expected].map((value) => JSON.stringify(value, keepUndefined));
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

function keepUndefined(_key: string, value: unknown): unknown {
  return value === undefined ? '(undefined)' : value;
}

const harness = {
  equal,
  test: (name: string, run: () => void) => {
    try {
      run();
      passed += 1;
    } catch (error) {
      failed.push(`${name}: ${String(error)}`);
    }
  },
};

runSuites(harness);
runHostileInput(harness);

console.log(JSON.stringify({ passed, failed }));
