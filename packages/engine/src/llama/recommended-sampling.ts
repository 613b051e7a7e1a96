import type { Sampling } from '@shoal/protocol';

/** llama.cpp's metadata keys below `general.sampling`, and the field that each of them is. */
const FIELDS = { temp: 'temperature', top_k: 'topK', top_p: 'topP', min_p: 'minP' } as const satisfies Record<
  string,
  keyof Sampling
>;

/**
 * What a model file recommends where a request leaves it open: `general.sampling.temp` and its siblings. `general` is the
 * metadata below that key, as the file has it.
 */
export function recommendedSampling(general: object): Sampling {
  const values = 'sampling' in general ? general.sampling : undefined;
  if (typeof values !== 'object' || values === null) return {};
  const read = new Map<string, unknown>(Object.entries(values));
  return Object.fromEntries(
    Object.entries(FIELDS)
      .map(([key, field]) => [field, read.get(key)] as const)
      .filter(([, value]) => typeof value === 'number' && value >= 0),
  );
}
