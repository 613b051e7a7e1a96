/** The GGUF value types that tests write, with their numbers (docs/gguf.md of ggml). */
export const VALUE_TYPES = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const;

const NUMBER_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const ALIGNMENT_BYTES = 32;

/** A metadata entry, whose length may be wrong. */
export interface Entry {
  readonly key: Buffer;
  readonly keyLength: bigint;
  readonly type: number;
  /** The value's bytes in the file, after the type. */
  readonly value: Buffer;
}

/** A tensor's description, any part of which may be wrong. */
export interface TensorEntry {
  readonly name: Buffer;
  readonly nameLength: bigint;
  readonly dimensions: number;
  readonly shape: readonly bigint[];
  readonly type: number;
  readonly offset: bigint;
}

/** A GGUF file in parts, which can be changed and written again. */
export interface Draft {
  readonly version: number;
  readonly tensorCount: bigint;
  readonly entryCount: bigint;
  readonly entries: readonly Entry[];
  readonly tensors: readonly TensorEntry[];
  readonly data: Buffer;
}

/** Splits a valid file into its parts. */
export function readDraft(file: Buffer): Draft {
  let at = 24;
  const take = (bytes: number): Buffer => file.subarray(at, (at += bytes));
  const counted = (): Buffer => take(Number(take(8).readBigUInt64LE()));
  const entries = Array.from({ length: Number(file.readBigUInt64LE(16)) }, (): Entry => {
    const key = counted();
    const type = take(4).readUInt32LE();
    const start = at;
    skipValue(type, take);
    return { key, keyLength: BigInt(key.length), type, value: file.subarray(start, at) };
  });
  const tensors = Array.from({ length: Number(file.readBigUInt64LE(8)) }, (): TensorEntry => {
    const name = counted();
    const dimensions = take(4).readUInt32LE();
    const shape = Array.from({ length: dimensions }, () => take(8).readBigUInt64LE());
    const type = take(4).readUInt32LE();
    return { name, nameLength: BigInt(name.length), dimensions, shape, type, offset: take(8).readBigUInt64LE() };
  });
  const counts = { tensorCount: file.readBigUInt64LE(8), entryCount: file.readBigUInt64LE(16) };
  return { version: file.readUInt32LE(4), ...counts, entries, tensors, data: file.subarray(alignedLength(at)) };
}

export function writeDraft({ version, tensorCount, entryCount, entries, tensors, data }: Draft): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensorCount),
    u64(entryCount),
    ...entries.flatMap(({ key, keyLength, type, value }) => [u64(keyLength), key, u32(type), value]),
    ...tensors.flatMap(({ name, nameLength, dimensions, shape, type, offset }) => [
      u64(nameLength),
      name,
      u32(dimensions),
      ...shape.map(u64),
      u32(type),
      u64(offset),
    ]),
  ]);
  return Buffer.concat([head, Buffer.alloc(alignedLength(head.length) - head.length), data]);
}

/** The length of the key is written correctly. */
export function entryOf(key: string, type: number, value: Buffer): Entry {
  const bytes = Buffer.from(key);
  return { key: bytes, keyLength: BigInt(bytes.length), type, value };
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

export function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(BigInt(bytes.length)), bytes]);
}

function skipValue(type: number, take: (bytes: number) => Buffer): void {
  if (type === VALUE_TYPES.string) take(Number(take(8).readBigUInt64LE()));
  else if (type === VALUE_TYPES.array) {
    const inner = take(4).readUInt32LE();
    for (let left = Number(take(8).readBigUInt64LE()); left > 0; left--) skipValue(inner, take);
  } else take(NUMBER_BYTES[type] ?? 0);
}

function alignedLength(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
