import type { Resources } from './gauge.ts';

/** The resources that a machine needs to join the cluster of one model size, in whole cores and GB. */
export interface Tier {
  readonly name: string;
  readonly cores: number;
  readonly ramGb: number;
  /** Undefined: a graphics card is optional. */
  readonly vramGb?: number | undefined;
  readonly diskGb: number;
}

/** OpenGateway's table of clusters, in its order. */
export const TIERS: readonly Tier[] = [
  { name: 'SmolLM-360M', cores: 1, ramGb: 1, diskGb: 2 },
  { name: 'Qwen2-0.5B', cores: 1, ramGb: 2, diskGb: 3 },
  { name: 'SmolLM-1.7B', cores: 1, ramGb: 4, diskGb: 5 },
  { name: 'TinyLlama-1.1B', cores: 2, ramGb: 1, diskGb: 2 },
  { name: 'Phi-2-2.7B', cores: 2, ramGb: 2, diskGb: 3 },
  { name: 'Llama-3.2-1.5B', cores: 2, ramGb: 4, diskGb: 5 },
  { name: 'Llama-3.2-3B', cores: 4, ramGb: 8, diskGb: 20 },
  { name: 'Llama-3.1-8B', cores: 4, ramGb: 12, vramGb: 8, diskGb: 30 },
  { name: 'Llama-3.1-70B', cores: 8, ramGb: 32, vramGb: 24, diskGb: 150 },
  { name: 'Llama-3.1-405B', cores: 16, ramGb: 64, vramGb: 48, diskGb: 500 },
];

export type TierEligibility =
  | { readonly name: string; readonly eligible: true }
  /** `missing` describes the first resource that is too small, in the table's order: `RAM: 8 GB needed, 4 GB here`. */
  | { readonly name: string; readonly eligible: false; readonly missing: string };

/** Returns for each tier if a machine with these resources can join its cluster. */
export function eligibleTiers(resources: Resources): readonly TierEligibility[] {
  return TIERS.map((tier) => {
    const missing = firstMissing(tier, resources);
    return missing === undefined ? { name: tier.name, eligible: true } : { name: tier.name, eligible: false, missing };
  });
}

function firstMissing(tier: Tier, here: Resources): string | undefined {
  const vramGb = tier.vramGb ?? 0;
  if (here.cpu_cores < tier.cores) return `CPU: ${tier.cores} cores needed, ${here.cpu_cores} here`;
  if (here.ram_gb < tier.ramGb) return gigabytes('RAM', tier.ramGb, here.ram_gb);
  if ((here.gpu_vram_gb ?? 0) < vramGb) return gigabytes('GPU VRAM', vramGb, here.gpu_vram_gb);
  if ((here.disk_gb ?? 0) < tier.diskGb) return gigabytes('Disk', tier.diskGb, here.disk_gb);
  return undefined;
}

function gigabytes(what: string, needed: number, here: number | null): string {
  return `${what}: ${needed} GB needed, ${here === null ? 'unknown' : `${here} GB`} here`;
}
