/**
 * Sends a million random inputs to each framer and each side of each dialect: `npm run fuzz -- [--seed N] [--cases N]
 * [--target NAME]`. It prints the seed; the seed of a case that fails repeats it.
 *
 * The inputs are not guided by coverage: Jazzer.js 4.0.0 needs glibc 2.38, which Debian 12 and Ubuntu 22.04 do not have.
 */
import { parseArgs } from 'node:util';
import { fuzz, TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, cases: { type: 'string' }, target: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const cases = Number(values.cases ?? 1_000_000);
console.log(`seed ${seed}, ${cases} cases each`);
for (const [name, target] of Object.entries(TARGETS)) {
  if (values.target !== undefined && !name.includes(values.target)) continue;
  const startedAt = performance.now();
  fuzz(target, seed, cases);
  const { rss } = process.memoryUsage();
  console.log(`${name}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s, ${Math.round(rss / 1024 ** 2)} MiB`);
}
