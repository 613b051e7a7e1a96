import type { GgufDescription } from '../gguf/describe.ts';

/** Prompt tokens per batch of the embedded engine, beside one token of each answer (`n_ubatch`). */
const PROMPT_PIECE_TOKENS = 128;
const PROMPT_PIECE_TOKENS_ON_GPU = 512;
/** llama.cpp's caches are multiples of this many tokens. */
const CACHE_STEP_TOKENS = 256;
const FLOAT_BYTES = 4;
/** Rows of the embedding's width that are in memory together while a layer is computed. */
const WIDE_ROWS = 6;
/** For the vocabulary, the graph and the threads' buffers. */
const OVERHEAD_BYTES = 4 * 1024 * 1024;

export interface MemoryOptions {
  /** Tokens of context a slot. */
  readonly contextLength: number;
  readonly slots: number;
  /** Default: true, as in llama.cpp where possible. Without it, every head's scores for a batch are in memory together. */
  readonly flashAttention?: boolean | undefined;
  /** Default: false. Memory of a graphics card counts once it is allocated, the processor's once it is used. */
  readonly isOnGpu?: boolean | undefined;
}

/** Predicted bytes, in memory or on the graphics card. */
export interface PredictedMemory {
  readonly weightBytes: number;
  /** Keys and values of all slots, as F16. */
  readonly cacheBytes: number;
  /** llama.cpp's compute buffers. */
  readonly computeBytes: number;
  readonly totalBytes: number;
  /**
   * Further bytes that the system reports for the process, on the processor only: repacked weights also stay mapped in the
   * file's order until the memory is needed elsewhere.
   */
  readonly reclaimableBytes: number;
}

/** Predicts the memory of a loaded model, without the memory of the process itself. */
export function predictMemory(model: GgufDescription, options: MemoryOptions): PredictedMemory {
  const { weightBytes, repackableBytes } = model;
  const cacheBytes = predictCache(model, options);
  const computeBytes = predictCompute(model, options);
  const totalBytes = weightBytes + cacheBytes + computeBytes;
  return { weightBytes, cacheBytes, computeBytes, totalBytes, reclaimableBytes: repackableBytes };
}

/** Sliding-window layers cache the window and a batch, the others the whole context (llama-kv-cache-iswa.cpp). */
function predictCache({ kvBytesPerToken, windowed }: GgufDescription, options: MemoryOptions): number {
  const { contextLength, slots } = options;
  const context = roundUpToStep(contextLength);
  if (windowed === undefined) return kvBytesPerToken * context * slots;
  const window = Math.min(context, roundUpToStep(windowed.tokens + batchOf(options)));
  const full = kvBytesPerToken - windowed.kvBytesPerToken;
  return (full * context + windowed.kvBytesPerToken * window) * slots;
}

/**
 * The largest buffer that one batch needs, because layers reuse the buffers. The last layer has a score for each vocabulary
 * entry and answer, attention without flash attention one for each head and token of context.
 */
function predictCompute(model: GgufDescription, options: MemoryOptions): number {
  const { contextLength, slots, flashAttention = true, isOnGpu = false } = options;
  const { embeddingLength = 0, feedForwardLength = 0, vocabularySize = 0, headCount = 0 } = model;
  const batch = batchOf(options);
  const rows = WIDE_ROWS * embeddingLength;
  const outputs = isOnGpu ? batch : Math.min(slots, batch);
  const attention = flashAttention ? rows : headCount * roundUpToStep(contextLength) + rows;
  const feedForward = 2 * feedForwardLength + 2 * embeddingLength;
  const largest = Math.max(
    outputs * vocabularySize + 2 * batch * embeddingLength,
    batch * attention,
    batch * feedForward,
  );
  return OVERHEAD_BYTES + FLOAT_BYTES * largest;
}

function batchOf({ contextLength, slots, isOnGpu = false }: MemoryOptions): number {
  const piece = isOnGpu ? PROMPT_PIECE_TOKENS_ON_GPU : PROMPT_PIECE_TOKENS;
  return Math.min(piece + slots, contextLength * slots);
}

function roundUpToStep(tokens: number): number {
  return Math.ceil(tokens / CACHE_STEP_TOKENS) * CACHE_STEP_TOKENS;
}
