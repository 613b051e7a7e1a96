import { GGUF_MAGIC_LENGTH, isGguf } from '@shoal/files/gguf';
import { invalidGguf } from './invalid-gguf.ts';
import { checkLlamaAsserts } from './llama-asserts.ts';
import { aligned, checkOffsets, readTensors, type Tensor } from './tensors.ts';
import { type Metadata, type MetadataValue, readText, readValue } from './values.ts';
import { need, type HeaderReader, type HeaderWindow } from './window.ts';

const VERSIONS = [2, 3];
/** Magic, version, and the two counts. */
const BEGINNING_BYTES = 24;
const DEFAULT_ALIGNMENT_BYTES = 32;
const MAX_ALIGNMENT_BYTES = 1024 * 1024;

const MAX_METADATA_ENTRIES = 4096;
/** The largest known models have some 2,000. */
const MAX_TENSORS = 65_536;
const MAX_KEY_BYTES = 1024;
/** A key's length, a type and one byte. */
const SMALLEST_ENTRY_BYTES = 13;

/** The part of a GGUF file before the tensors' data. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: Metadata;
  readonly tensors: readonly Tensor[];
  /** Position of the tensors' data in the file. */
  readonly dataOffset: number;
}

/**
 * Reads a header of version 2 or 3 (docs/gguf.md of ggml). Checks every count, length, offset and type before it allocates
 * memory. Skips the items of lists unless `keepsItems` returns true for their key. Throws `INVALID_REQUEST` with the fault.
 */
export function* readHeader(window: HeaderWindow, keepsItems: (key: string) => boolean): HeaderReader<GgufHeader> {
  const { version, tensorCount, entryCount } = yield* readBeginning(window);
  const metadata = yield* readMetadata(window, entryCount, keepsItems);
  const alignment = alignmentOf(metadata);
  const tensors = yield* readTensors(window, tensorCount);
  const dataOffset = aligned(window.position, alignment);
  checkOffsets(tensors, alignment, window.fileBytes - dataOffset);
  checkLlamaAsserts(metadata, tensors, dataOffset);
  return { version, metadata, tensors, dataOffset };
}

function* readBeginning(window: HeaderWindow) {
  if (window.fileBytes < BEGINNING_BYTES) throw invalidGguf('it is not a GGUF file');
  yield* need(window, BEGINNING_BYTES);
  if (!isGguf(window.read(GGUF_MAGIC_LENGTH))) throw invalidGguf('it is not a GGUF file');
  const version = window.u32();
  if (version !== 0 && (version & 0xffff) === 0) {
    throw invalidGguf('it is big-endian, for other processors. Get the little-endian file');
  }
  if (!VERSIONS.includes(version)) {
    throw invalidGguf(`it has version ${version}, and only ${VERSIONS.join(' and ')} can be read`);
  }
  const tensorCount = window.u64();
  const entryCount = window.u64();
  if (tensorCount > MAX_TENSORS) throw invalidGguf(`it claims more than ${MAX_TENSORS} tensors`);
  if (entryCount > MAX_METADATA_ENTRIES)
    throw invalidGguf(`it claims more than ${MAX_METADATA_ENTRIES} metadata entries`);
  return { version, tensorCount, entryCount };
}

function* readMetadata(
  window: HeaderWindow,
  count: number,
  keepsItems: (key: string) => boolean,
): HeaderReader<Metadata> {
  window.checkRemaining(count, SMALLEST_ENTRY_BYTES);
  const metadata = new Map<string, MetadataValue>();
  const budget = { bytes: 0 };
  for (let index = 0; index < count; index++) {
    const key = yield* readText(window, MAX_KEY_BYTES, 'a key of its metadata');
    if (key === '') throw invalidGguf('a key of its metadata is empty');
    if (metadata.has(key)) throw invalidGguf('its metadata has a key twice');
    metadata.set(key, yield* readValue(window, keepsItems(key), budget));
  }
  return metadata;
}

function alignmentOf(metadata: Metadata): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT_BYTES;
  const isPowerOfTwo = typeof alignment === 'number' && Number.isInteger(Math.log2(alignment));
  if (!isPowerOfTwo || alignment < 1 || alignment > MAX_ALIGNMENT_BYTES) {
    throw invalidGguf('the alignment of its tensors is not a power of two, or too large');
  }
  return alignment;
}
