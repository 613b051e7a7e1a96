import b4a from 'b4a';

/** Returns a whole number from 0 and below the bound. */
export type Random = (bound: number) => number;

/** Returns a linear congruential generator of numbers below a bound. */
export function numbers(seed: number): Random {
  let state = seed;
  return (bound) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state >> 8) % Math.max(1, bound);
  };
}

/** Returns bytes of which some are missing, added or changed. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random(bytes.length);
  const length = random(4);
  switch (random(3)) {
    case 0:
      return b4a.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 1:
      return b4a.concat([bytes.subarray(0, at), Uint8Array.from({ length }, () => random(256)), bytes.subarray(at)]);
    default:
      return Uint8Array.from(bytes, (byte, index) => (index === at ? random(256) : byte));
  }
}
