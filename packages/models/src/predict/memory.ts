import type { GgufDescription } from '../gguf/describe.ts';

/** What llama.cpp reads of a prompt at a time, unless it is told otherwise (`n_ubatch`). */
const BATCH_TOKENS = 512;
/** llama.cpp's caches are multiples of this many tokens. */
const CACHE_STEP_TOKENS = 256;
const FLOAT_BYTES = 4;
/** Rows as wide as the embedding that are in memory together while a layer is worked on. */
const WIDE_ROWS = 6;
/** Besides: the vocabulary, the graph, what threads work in. */
const OVERHEAD_BYTES = 8 * 1024 * 1024;

export interface MemoryOptions {
  /** Tokens of context a slot. */
  readonly contextLength: number;
  readonly slots: number;
  /** Default: true, as llama.cpp decides where it can. Without it every head's scores for a batch are in memory together. */
  readonly flashAttention?: boolean;
}

/** Bytes, in memory or on the graphics card. */
export interface PredictedMemory {
  readonly weightBytes: number;
  /** Keys and values of all slots, as F16. */
  readonly cacheBytes: number;
  /** What llama.cpp works in. */
  readonly computeBytes: number;
  readonly totalBytes: number;
  /**
   * What the system shows for the process beyond that, on the processor alone: weights that were rearranged are also still
   * mapped as the file has them, until the memory is needed elsewhere.
   */
  readonly reclaimableBytes: number;
}

/** What a model will take once it is loaded, the process around it not counted. */
export function predictMemory(model: GgufDescription, options: MemoryOptions): PredictedMemory {
  const { weightBytes, repackableBytes } = model;
  const cacheBytes = predictCache(model, options);
  const computeBytes = predictCompute(model, options);
  const totalBytes = weightBytes + cacheBytes + computeBytes;
  return { weightBytes, cacheBytes, computeBytes, totalBytes, reclaimableBytes: repackableBytes };
}

/** Layers that see a window of the latest tokens keep that and a batch, the others everything (llama-kv-cache-iswa.cpp). */
function predictCache({ kvBytesPerToken, windowed }: GgufDescription, { contextLength, slots }: MemoryOptions): number {
  const context = stepped(contextLength);
  if (windowed === undefined) return kvBytesPerToken * context * slots;
  const window = Math.min(context, stepped(windowed.tokens + BATCH_TOKENS));
  const full = kvBytesPerToken - windowed.kvBytesPerToken;
  return (full * context + windowed.kvBytesPerToken * window) * slots;
}

/**
 * The larger of what attention and what the last layer needs for one batch: buffers are used again from layer to layer.
 * The last layer has a score for each word of the vocabulary, attention one for each head and token of context.
 */
function predictCompute(
  model: GgufDescription,
  { contextLength, slots, flashAttention = true }: MemoryOptions,
): number {
  const { embeddingLength = 0, feedForwardLength = 0, vocabularySize = 0, headCount = 0 } = model;
  const batch = Math.min(BATCH_TOKENS, contextLength * slots);
  const rows = WIDE_ROWS * embeddingLength;
  const output = vocabularySize + 2 * embeddingLength;
  const attention = flashAttention ? rows : headCount * stepped(contextLength) + rows;
  const feedForward = 2 * feedForwardLength + 2 * embeddingLength;
  return OVERHEAD_BYTES + batch * FLOAT_BYTES * Math.max(output, attention, feedForward);
}

function stepped(tokens: number): number {
  return Math.ceil(tokens / CACHE_STEP_TOKENS) * CACHE_STEP_TOKENS;
}
