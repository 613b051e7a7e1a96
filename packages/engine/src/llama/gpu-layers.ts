import { ShoalError } from '@shoal/protocol';

/** As many layers as fit into the GPU's memory. */
export const GPU_LAYERS_AUTO = -1;

/**
 * How many layers of the model the GPU computes, as people write it: `auto` or -1 as many as fit, 0 none, or a number.
 * Throws `INVALID_REQUEST`.
 */
export function parseGpuLayers(text: string): number {
  const word = text.trim().toLowerCase();
  if (word === 'auto') return GPU_LAYERS_AUTO;
  if (/^(-1|\d{1,4})$/.test(word)) return Number(word);
  throw ShoalError.invalidRequest(`"${text}" is no number of GPU layers; write auto, 0 for none, or a number.`);
}
