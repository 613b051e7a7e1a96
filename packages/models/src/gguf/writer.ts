import { closeSync, openSync, writeSync } from 'node:fs';

/** Tensor types with their GGUF numbers, and the bytes and weights of one block. */
export const TENSOR_TYPES = {
  f32: { id: 0, blockBytes: 4, blockWeights: 1 },
  f16: { id: 1, blockBytes: 2, blockWeights: 1 },
  q4_0: { id: 2, blockBytes: 18, blockWeights: 32 },
  q8_0: { id: 8, blockBytes: 34, blockWeights: 32 },
} as const;

type TensorType = keyof typeof TENSOR_TYPES;

export type MetadataValue =
  | { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'integers'; readonly value: readonly number[] };

export interface Tensor {
  readonly name: string;
  readonly type: TensorType;
  /** The innermost dimension first, as in GGUF. */
  readonly shape: readonly number[];
  /** The data, block by block, in pieces of any size. */
  data(): Iterable<Uint8Array>;
}

const ALIGNMENT_BYTES = 32;
const VALUE_TYPES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/** Writes a GGUF file of version 3, tensor by tensor, so that no more than one piece is in memory. */
export function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, MetadataValue>,
  tensors: readonly Tensor[],
): void {
  const header: Uint8Array[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(metadata.size)];
  for (const [key, value] of metadata) header.push(text(key), encode(value));
  let offset = 0;
  for (const tensor of tensors) {
    header.push(text(tensor.name), u32(tensor.shape.length), ...tensor.shape.map(u64));
    header.push(u32(TENSOR_TYPES[tensor.type].id), u64(offset));
    offset += aligned(tensorBytes(tensor));
  }

  const file = openSync(path, 'w');
  try {
    const head = Buffer.concat(header);
    writeSync(file, head);
    writeSync(file, padding(head.length));
    for (const tensor of tensors) writeTensor(file, tensor);
  } finally {
    closeSync(file);
  }
}

export function tensorBytes({ name, type, shape }: Tensor): number {
  const { blockBytes, blockWeights } = TENSOR_TYPES[type];
  const weights = shape.reduce((product, size) => product * size, 1);
  if ((shape[0] ?? 0) % blockWeights !== 0) {
    throw new RangeError(`${name}: rows of ${type} need a multiple of ${blockWeights} weights.`);
  }
  return (weights / blockWeights) * blockBytes;
}

function writeTensor(file: number, tensor: Tensor): void {
  const expected = tensorBytes(tensor);
  let written = 0;
  for (const piece of tensor.data()) written += writeSync(file, piece);
  if (written !== expected) throw new RangeError(`${tensor.name}: ${written} bytes instead of ${expected}.`);
  writeSync(file, padding(written));
}

function encode(value: MetadataValue): Uint8Array {
  switch (value.type) {
    case 'u32':
      return Buffer.concat([u32(VALUE_TYPES.u32), u32(value.value)]);
    case 'i32':
      return Buffer.concat([u32(VALUE_TYPES.i32), i32(value.value)]);
    case 'f32':
      return Buffer.concat([u32(VALUE_TYPES.f32), f32(value.value)]);
    case 'bool':
      return Buffer.concat([u32(VALUE_TYPES.bool), Uint8Array.of(value.value ? 1 : 0)]);
    case 'string':
      return Buffer.concat([u32(VALUE_TYPES.string), text(value.value)]);
    case 'strings':
      return list(VALUE_TYPES.string, value.value.map(text));
    case 'integers':
      return list(VALUE_TYPES.i32, value.value.map(i32));
    default:
      return value satisfies never;
  }
}

/** Vocabularies have more items than the maximum number of function arguments. */
function list(type: number, items: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([u32(VALUE_TYPES.array), u32(type), u64(items.length), Buffer.concat(items)]);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function padding(bytes: number): Uint8Array {
  return new Uint8Array(aligned(bytes) - bytes);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function i32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function f32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
