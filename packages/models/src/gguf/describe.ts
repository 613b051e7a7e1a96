import { invalidGguf } from './invalid-gguf.ts';
import { fileTypeName } from './file-types.ts';
import type { GgufHeader } from './header.ts';
import { Fields, type Layer, layersOf } from './layers.ts';
import type { Tensor } from './tensors.ts';
import type { Metadata } from './values.ts';

/** Keys and values are cached as F16. */
const CACHE_NUMBER_BYTES = 2;

/** Types that llama.cpp repacks for processors with AVX2 or Neon. */
const REPACKABLE = ['Q4_0', 'Q4_K', 'IQ4_NL'];

/** A model's own description, from its header. The texts are unchecked: clean them before printing them to a terminal. */
export interface GgufDescription {
  readonly version: number;
  readonly architecture: string;
  readonly name?: string | undefined;
  readonly parameterCount: number;
  /** From `general.file_type`, such as `Q4_K_M`, else the type of most weights. */
  readonly quantisation: string;
  /** Tokens of context in training. */
  readonly contextLength?: number | undefined;
  readonly embeddingLength?: number | undefined;
  readonly feedForwardLength?: number | undefined;
  readonly vocabularySize?: number | undefined;
  readonly headCount?: number | undefined;
  readonly layerCount: number;
  readonly chatTemplate?: string | undefined;
  readonly licence?: string | undefined;
  readonly weightBytes: number;
  /** The part of `weightBytes` that llama.cpp may repack for the processor (`repack.cpp`). */
  readonly repackableBytes: number;
  /** Cache bytes for one token of context, in all layers together. */
  readonly kvBytesPerToken: number;
  /** The part of `kvBytesPerToken` in sliding-window layers, and the tokens in their window. */
  readonly windowed?: { readonly kvBytesPerToken: number; readonly tokens: number };
}

/** Describes a model by the headers of its files, in order. Throws `INVALID_REQUEST` if they do not belong together. */
export function describeGguf(headers: readonly GgufHeader[]): GgufDescription {
  const [first] = headers;
  if (first === undefined) throw invalidGguf('it has no parts');
  checkParts(headers);
  const { version, metadata } = first;
  const architecture = textIn(metadata, 'general.architecture');
  if (architecture === undefined || architecture === '') throw invalidGguf('it names no architecture');
  const fields = new Fields(metadata, architecture);
  const tensors = headers.flatMap((header) => header.tensors);
  const optional = {
    name: textIn(metadata, 'general.name'),
    contextLength: fields.count('context_length'),
    embeddingLength: fields.count('embedding_length'),
    feedForwardLength: fields.ofLayer('feed_forward_length', 0),
    vocabularySize: listLength(metadata, 'tokenizer.ggml.tokens') ?? fields.count('vocab_size'),
    headCount: fields.ofLayer('attention.head_count', 0),
    chatTemplate: textIn(metadata, 'tokenizer.chat_template'),
    licence: textIn(metadata, 'general.license') ?? textIn(metadata, 'general.license.name'),
  };
  const layers = layersOf(fields, architecture);
  return {
    version,
    architecture,
    parameterCount: sum(tensors, 'weights'),
    quantisation: quantisationOf(metadata, tensors),
    layerCount: layers.length,
    weightBytes: sum(tensors, 'bytes'),
    repackableBytes: sum(
      tensors.filter(({ type }) => REPACKABLE.includes(type)),
      'bytes',
    ),
    ...cacheOf(layers, fields.count('attention.sliding_window')),
    ...present(optional),
  };
}

/** Checks the keys that llama-gguf-split writes. `split.no` counts from 0. */
function checkParts(headers: readonly GgufHeader[]): void {
  const claimed = headers[0]?.metadata.get('split.count') ?? 1;
  if (claimed !== headers.length && !(claimed === 0 && headers.length === 1)) {
    const parts = typeof claimed === 'number' ? String(claimed) : 'several';
    throw invalidGguf(`it is a part of a model in ${parts} parts, and ${headers.length} of them are here`);
  }
  for (const [index, { metadata }] of headers.entries()) {
    if (headers.length > 1 && metadata.get('split.no') !== index) throw invalidGguf('its parts are in the wrong order');
  }
}

function cacheOf(layers: readonly Layer[], window: number | undefined) {
  const bytes = (some: readonly Layer[]): number =>
    some.reduce((total, { cachedNumbers }) => total + cachedNumbers * CACHE_NUMBER_BYTES, 0);
  const windowed = layers.filter(({ isWindowed }) => isWindowed);
  return {
    kvBytesPerToken: bytes(layers),
    ...(windowed.length > 0 &&
      window !== undefined && { windowed: { kvBytesPerToken: bytes(windowed), tokens: window } }),
  };
}

function quantisationOf(metadata: Metadata, tensors: readonly Tensor[]): string {
  const fileType = metadata.get('general.file_type');
  const named = typeof fileType === 'number' ? fileTypeName(fileType) : undefined;
  if (named !== undefined) return named;
  const weights = new Map<string, number>();
  for (const tensor of tensors) weights.set(tensor.type, (weights.get(tensor.type) ?? 0) + tensor.weights);
  const [most] = [...weights].toSorted(([, left], [, right]) => right - left);
  return most?.[0] ?? 'unknown';
}

function sum(tensors: readonly Tensor[], what: 'weights' | 'bytes'): number {
  return tensors.reduce((total, tensor) => total + tensor[what], 0);
}

function textIn(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key);
  return typeof value === 'string' ? value : undefined;
}

function listLength(metadata: Metadata, key: string): number | undefined {
  const value = metadata.get(key);
  return typeof value === 'object' && 'length' in value ? value.length : undefined;
}

/** Drops the fields that are undefined. */
function present<T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> };
function present(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
