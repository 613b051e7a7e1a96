import type { Sampling } from '@shoal/protocol';

/** Maps llama.cpp's metadata keys below `general.sampling` to the fields of `Sampling`. */
const FIELDS = {
  temp: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  penalty_repeat: 'repeatPenalty',
} as const satisfies Record<string, keyof Sampling>;

/** Returns the sampling options that a model file recommends. `metadata` returns a value of the file as text. */
export function recommendedSampling(metadata: (key: string) => string | undefined): Sampling {
  return Object.fromEntries(
    Object.entries(FIELDS)
      .map(([key, field]) => [field, Number(metadata(`general.sampling.${key}`))] as const)
      .filter(([, value]) => value >= 0),
  );
}
