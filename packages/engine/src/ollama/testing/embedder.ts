/** A GGUF file begins with its magic, its version, and the numbers of tensors and metadata entries. */
const COUNT_OFFSET_BYTES = 16;
const HEADER_BYTES = 24;
/** Tensors begin at multiples of this, so the inserted bytes must be a multiple too. */
const ALIGNMENT_BYTES = 32;
const [UINT32, STRING] = [4, 8];
const MEAN = 1;

/** Turns a model into one for embeddings, by adding the metadata that defines how token vectors are pooled. */
export function embedderOf(gguf: Uint8Array, architecture = 'llama'): Uint8Array {
  const pooling = entry(`${architecture}.pooling_type`, UINT32, uint32(MEAN));
  const excess = (pooling.length + padding(0).length) % ALIGNMENT_BYTES;
  const header = Buffer.from(gguf.subarray(0, HEADER_BYTES));
  header.writeBigUInt64LE(header.readBigUInt64LE(COUNT_OFFSET_BYTES) + 2n, COUNT_OFFSET_BYTES);
  return Buffer.concat([header, pooling, padding(ALIGNMENT_BYTES - excess), gguf.subarray(HEADER_BYTES)]);
}

/** A meaningless entry of any length. */
function padding(length: number): Buffer {
  return entry('shoal.filling', STRING, Buffer.concat([uint64(length), Buffer.alloc(length, ' ')]));
}

function entry(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([uint64(Buffer.byteLength(key)), Buffer.from(key), uint32(type), value]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
