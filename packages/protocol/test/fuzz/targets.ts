import assert from 'node:assert/strict';
import { numbers, type Random } from '../../src/contracts/index.ts';
import { DIALECTS } from '../dialects/index.ts';
import { fuzzClient } from './clients.ts';
import { FRAMERS, fuzzFramer } from './framers.ts';
import { fuzzServer } from './servers.ts';

/** Memory that the cases of one target may leave behind, garbage included. */
const MOST_GROWTH_BYTES = 512 * 1024 ** 2;
const CASES_PER_LOOK = 10_000;

/** Every framer and every side of every dialect, by name. Each runs one case, and throws if a property does not hold. */
export const TARGETS: Readonly<Record<string, (random: Random) => void>> = Object.fromEntries([
  ...Object.entries(FRAMERS).map(([name, make]) => [`framer ${name}`, (random: Random) => fuzzFramer(make, random)]),
  ...Object.values(DIALECTS).flatMap(({ contract, hostile }) => [
    ...hostile.map((subject) => [`server ${subject.name}`, (random: Random) => fuzzServer(subject, random)]),
    [`client ${contract.name}`, (random: Random) => fuzzClient(contract, random)],
  ]),
]);

/** Runs cases with the seeds from `seed` on. Throws an error that names the seed of the case that failed. */
export function fuzz(target: (random: Random) => void, seed: number, cases: number): void {
  const before = heldBytes();
  for (let index = 0; index < cases; index += 1) {
    try {
      target(numbers(seed + index));
    } catch (cause) {
      throw new Error(`The case with --seed ${seed + index} --cases 1 failed: ${String(cause)}`, { cause });
    }
    if (index % CASES_PER_LOOK === 0) assert.ok(heldBytes() - before < MOST_GROWTH_BYTES, 'memory has grown');
  }
}

function heldBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
