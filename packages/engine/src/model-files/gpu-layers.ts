import { ShoalError } from '@shoal/protocol/error';

/** Computes as many layers on the GPU as fit into its memory. */
export const GPU_LAYERS_AUTO = -1;
/** Memory of each card that stays free for compute buffers and the screen. */
const RESERVE_BYTES = 768 * 1024 * 1024;
/** Bytes of a key and a value, 16 bits each. */
const CONTEXT_BYTES_PER_VALUE = 2 * 2;

/** Parses a number of GPU layers: `auto` or -1 for as many as fit, 0 for none, or a number. Throws `INVALID_REQUEST`. */
export function parseGpuLayers(text: string): number {
  const value = text.trim().toLowerCase();
  if (value === 'auto') return GPU_LAYERS_AUTO;
  if (/^(-1|\d{1,4})$/.test(value)) return Number(value);
  throw ShoalError.invalidRequest(`"${text}" is not a number of GPU layers. Write auto, 0 for none, or a number.`);
}

/** The sizes that decide how many of a model's layers fit on a GPU. */
export interface ModelSizes {
  /** All weights, in bytes. */
  readonly bytes: number;
  readonly layers: number;
  /** Numbers in the key (or the value) of one token in one layer. */
  readonly keyWidth: number;
}

/**
 * Returns the number of layers that fit into the free memory of the cards together, each layer with its share of the weights
 * and its keys and values of the whole context. A layer is on one card. The last layer in llama.cpp's count is the output.
 */
export function layersThatFit(
  { bytes, layers, keyWidth }: ModelSizes,
  { freeBytes, contextTokens }: { readonly freeBytes: readonly number[]; readonly contextTokens: number },
): number {
  const layerBytes = bytes / (layers + 1) + contextTokens * keyWidth * CONTEXT_BYTES_PER_VALUE;
  const onCard = (free: number) => Math.max(0, Math.floor((free - RESERVE_BYTES) / layerBytes));
  const fit = freeBytes.reduce((sum, free) => sum + onCard(free), 0);
  return Math.min(layers + 1, fit);
}
