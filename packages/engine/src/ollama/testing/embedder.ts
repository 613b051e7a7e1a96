/** A GGUF file begins with its magic, its version, and how many tensors and metadata entries it has. */
const COUNT_OFFSET_BYTES = 16;
const HEADER_BYTES = 24;
/** Tensors begin at multiples of this, so that what is put in front of them must be one. */
const ALIGNMENT_BYTES = 32;
const [UINT32, STRING] = [4, 8];
const MEAN = 1;

/** The same model as one for embeddings: it says in its metadata how the vectors of its tokens become one. */
export function embedderOf(gguf: Uint8Array, architecture = 'llama'): Uint8Array {
  const pooling = entry(`${architecture}.pooling_type`, UINT32, uint32(MEAN));
  const excess = (pooling.length + filling(0).length) % ALIGNMENT_BYTES;
  const header = Buffer.from(gguf.subarray(0, HEADER_BYTES));
  header.writeBigUInt64LE(header.readBigUInt64LE(COUNT_OFFSET_BYTES) + 2n, COUNT_OFFSET_BYTES);
  return Buffer.concat([header, pooling, filling(ALIGNMENT_BYTES - excess), gguf.subarray(HEADER_BYTES)]);
}

/** An entry that says nothing, at any length. */
function filling(length: number): Buffer {
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
