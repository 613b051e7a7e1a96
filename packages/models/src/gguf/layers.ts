import { invalidGguf } from './invalid-gguf.ts';
import type { Metadata } from './values.ts';

/** llama.cpp's limit (LLAMA_MAX_LAYERS). */
export const MAX_LAYERS = 512;

/**
 * Architectures with sliding-window layers. One layer in each period attends to the whole context: the last, or the first
 * with `isFullFirst` (`load_swa_pattern` in llama.cpp's models). A file may set another period.
 */
const WINDOW_PATTERNS: Readonly<Record<string, { readonly period: number; readonly isFullFirst?: true | undefined }>> =
  {
    afmoe: { period: 4 },
    cohere2: { period: 4 },
    cohere2moe: { period: 4, isFullFirst: true },
    'exaone-moe': { period: 4 },
    exaone4: { period: 4 },
    gemma2: { period: 2 },
    gemma3: { period: 6 },
    gemma3n: { period: 5 },
    'gpt-oss': { period: 2 },
    llama4: { period: 4 },
    olmo2: { period: 4 },
    plamo3: { period: 8 },
    smallthinker: { period: 4, isFullFirst: true },
  };

/** The cache of one layer. */
export interface Layer {
  /** Numbers of keys and values for each token. */
  readonly cachedNumbers: number;
  /** True if it only caches a window of the latest tokens. */
  readonly isWindowed: boolean;
}

/** Reads the numbers and lists of `ARCHITECTURE.KEY`. */
export class Fields {
  readonly #metadata: Metadata;
  readonly #architecture: string;

  constructor(metadata: Metadata, architecture: string) {
    this.#metadata = metadata;
    this.#architecture = architecture;
  }

  /** A whole number from 0, or undefined if there is none. */
  count(key: string): number | undefined {
    return asCount(this.#metadata.get(`${this.#architecture}.${key}`));
  }

  /** The number for one layer. A file has one number for all layers, or a list. */
  ofLayer(key: string, layer: number): number | undefined {
    const value = this.#metadata.get(`${this.#architecture}.${key}`);
    if (typeof value === 'object' && 'items' in value) return asCount(value.items?.[layer]);
    return asCount(value);
  }

  /** The largest number of all layers, or 0 if there is none. */
  largest(key: string, layers: number): number {
    const value = this.#metadata.get(`${this.#architecture}.${key}`);
    if (typeof value !== 'object' || !('items' in value)) return asCount(value) ?? 0;
    return Math.max(0, ...(value.items ?? []).slice(0, layers).map((item) => asCount(item) ?? 0));
  }
}

/** All layers. Empty if the file has no layer count. */
export function layersOf(fields: Fields, architecture: string): Layer[] {
  const count = fields.count('block_count') ?? 0;
  if (count > MAX_LAYERS) throw invalidGguf(`it claims ${count} layers`);
  const full = fields.count('full_attention_interval');
  return Array.from({ length: count }, (_, layer) => {
    // The layers between two full-attention layers are recurrent: their state has a fixed size.
    const isRecurrent = full !== undefined && full > 0 && (layer + 1) % full !== 0;
    return {
      cachedNumbers: isRecurrent ? 0 : cachedNumbers(fields, layer),
      isWindowed: isWindowed(fields, architecture, layer),
    };
  });
}

function cachedNumbers(fields: Fields, layer: number): number {
  const heads = fields.ofLayer('attention.head_count', layer) ?? 0;
  const cachedHeads = fields.ofLayer('attention.head_count_kv', layer) ?? heads;
  const headLength = heads === 0 ? 0 : Math.floor((fields.count('embedding_length') ?? 0) / heads);
  const keyLength = fields.count('attention.key_length') ?? headLength;
  // Latent attention caches one compressed row, from which keys and values are computed.
  const isLatent = fields.count('attention.key_length_mla') !== undefined;
  const valueLength = isLatent ? 0 : (fields.count('attention.value_length') ?? headLength);
  return cachedHeads * (keyLength + valueLength);
}

function isWindowed(fields: Fields, architecture: string, layer: number): boolean {
  if ((fields.count('attention.sliding_window') ?? 0) === 0) return false;
  const pattern = WINDOW_PATTERNS[architecture];
  if (pattern === undefined) return false;
  const key = 'attention.sliding_window_pattern';
  const value = fields.ofLayer(key, layer);
  // A list has 0 or 1 for each layer. A single number is the period.
  if (fields.count(key) === undefined && value !== undefined) return value !== 0;
  const period = fields.count(key) ?? pattern.period;
  if (period === 0) return true;
  return pattern.isFullFirst ? layer % period !== 0 : layer % period < period - 1;
}

function asCount(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
