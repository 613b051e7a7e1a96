import { runSuites } from './suites.ts';

/** Runs in Bare, which has no test runner: the same cases, a line each, and how many passed. */
let passed = 0;
const failed: string[] = [];

function equal(actual: unknown, expected: unknown): void {
  const [left, right] = [actual, expected].map((value) => JSON.stringify(value, inOrder));
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

/** The same text for the same value: members in order of their names, and those that are undefined among them. */
function inOrder(_key: string, value: unknown): unknown {
  if (value === undefined) return '(undefined)';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

const harness = {
  equal,
  skip: () => {},
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

console.log(JSON.stringify({ passed, failed }));
