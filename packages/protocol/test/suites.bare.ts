import { runSuites } from './suites.ts';

/** Runs the contract suites in Bare, which has no test runner. Prints the number of passed cases and the failures as JSON. */
let passed = 0;
const failed: string[] = [];

function equal(actual: unknown, expected: unknown): void {
  const [left, right] = [actual, expected].map((value) => JSON.stringify(value, sorted));
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

/** A replacer that sorts members by name and keeps undefined ones, so that equal values have equal texts. */
function sorted(_key: string, value: unknown): unknown {
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
