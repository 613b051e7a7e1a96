import { ShoalError } from '@shoal/protocol';

/** As many layers as fit into the GPU's memory. */
export const GPU_LAYERS_AUTO = -1;
/** Left free for what computing needs beside weights and context, and for the screen. */
const RESERVE_BYTES = 768 * 1024 * 1024;
/** Keys and values, 16 bits each. */
const CONTEXT_BYTES_PER_VALUE = 2 * 2;

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

/** What a model's layers weigh. */
export interface ModelSizes {
  /** All weights, in bytes. */
  readonly bytes: number;
  readonly layers: number;
  /** Values that a token's key (or value) has in one layer. */
  readonly keyWidth: number;
}

/**
 * As many layers as fit into free memory, the last one of llama.cpp's count being the output: each with its share of the
 * weights and its keys and values of the whole context.
 */
export function layersThatFit(
  { bytes, layers, keyWidth }: ModelSizes,
  { freeBytes, contextTokens }: { readonly freeBytes: number; readonly contextTokens: number },
): number {
  const layerBytes = bytes / (layers + 1) + contextTokens * keyWidth * CONTEXT_BYTES_PER_VALUE;
  const fit = Math.floor((freeBytes - RESERVE_BYTES) / layerBytes);
  return Math.max(0, Math.min(layers + 1, fit));
}
