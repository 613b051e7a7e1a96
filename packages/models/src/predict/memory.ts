import type { GgufDescription } from '../gguf/describe.ts';

/** What the embedded engine reads of prompts at a time, beside one token of each answer (`n_ubatch`). */
const PROMPT_PIECE_TOKENS = 128;
const PROMPT_PIECE_TOKENS_ON_GPU = 512;
/** llama.cpp's caches are multiples of this many tokens. */
const CACHE_STEP_TOKENS = 256;
const FLOAT_BYTES = 4;
/** Rows as wide as the embedding that are in memory together while a layer is worked on. */
const WIDE_ROWS = 6;
/** Besides: the vocabulary, the graph, what threads work in. */
const OVERHEAD_BYTES = 4 * 1024 * 1024;

export interface MemoryOptions {
  /** Tokens of context a slot. */
  readonly contextLength: number;
  readonly slots: number;
  /** Default: true, as llama.cpp decides where it can. Without it every head's scores for a batch are in memory together. */
  readonly flashAttention?: boolean | undefined;
  /** Default: false. A graphics card's memory is taken when it is asked for, the processor's when it is first used. */
  readonly isOnGpu?: boolean | undefined;
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
function predictCache({ kvBytesPerToken, windowed }: GgufDescription, options: MemoryOptions): number {
  const { contextLength, slots } = options;
  const context = stepped(contextLength);
  if (windowed === undefined) return kvBytesPerToken * context * slots;
  const window = Math.min(context, stepped(windowed.tokens + batchOf(options)));
  const full = kvBytesPerToken - windowed.kvBytesPerToken;
  return (full * context + windowed.kvBytesPerToken * window) * slots;
}

/**
 * The larger of what attention and what the last layer needs for one batch: buffers are used again from layer to layer.
 * The last layer has a score for each word of the vocabulary and answer, attention one for each head and token of context.
 */
function predictCompute(model: GgufDescription, options: MemoryOptions): number {
  const { contextLength, slots, flashAttention = true, isOnGpu = false } = options;
  const { embeddingLength = 0, feedForwardLength = 0, vocabularySize = 0, headCount = 0 } = model;
  const batch = batchOf(options);
  const rows = WIDE_ROWS * embeddingLength;
  const outputs = isOnGpu ? batch : Math.min(slots, batch);
  const attention = flashAttention ? rows : headCount * stepped(contextLength) + rows;
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

function stepped(tokens: number): number {
  return Math.ceil(tokens / CACHE_STEP_TOKENS) * CACHE_STEP_TOKENS;
}
