const GIGABYTE = 1e9;

/** The memory of a tier in GB, and of its graphics card if it requires one. */
export interface MemoryTier {
  readonly ramGb: number;
  readonly vramGb?: number | undefined;
}

/**
 * The tier with the least memory that fits `bytes`, in memory or on the graphics card. Returns undefined if none does.
 */
export function smallestTier<Tier extends MemoryTier>(bytes: number, tiers: readonly Tier[]): Tier | undefined {
  const capacityGb = ({ ramGb, vramGb = 0 }: Tier): number => Math.max(ramGb, vramGb);
  return tiers
    .filter((tier) => capacityGb(tier) * GIGABYTE >= bytes)
    .toSorted((left, right) => capacityGb(left) - capacityGb(right))[0];
}
