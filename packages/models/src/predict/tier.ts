const GIGABYTE = 1e9;

/** What is looked at of a tier: memory in GB, and of a graphics card where it asks for one. */
export interface MemoryTier {
  readonly ramGb: number;
  readonly vramGb?: number | undefined;
}

/**
 * The tier that asks for the least memory and still has room for so many bytes, on the graphics card or beside it. Undefined
 * where none has.
 */
export function smallestTier<Tier extends MemoryTier>(bytes: number, tiers: readonly Tier[]): Tier | undefined {
  const room = ({ ramGb, vramGb = 0 }: Tier): number => Math.max(ramGb, vramGb);
  return tiers.filter((tier) => room(tier) * GIGABYTE >= bytes).toSorted((left, right) => room(left) - room(right))[0];
}
