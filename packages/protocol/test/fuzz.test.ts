import { suite, test } from 'node:test';
import { fuzz, TARGETS } from './fuzz/targets.ts';

/** `npm run fuzz` takes a million, with seeds of its own. */
const CASES = 2_000;
const SEED = 20_261_121;

suite('random input keeps to the rules of', () => {
  for (const [name, target] of Object.entries(TARGETS)) {
    test(name, () => fuzz(target, SEED, CASES));
  }
});
