import { DEMO } from './demo-model.ts';

/** The demo model, as the first of two parts, and a second one without tensors, as llama-gguf-split writes them. */
export function splitModel(): readonly [Buffer, Buffer] {
  const entries = DEMO.readUInt32LE(16);
  const head = Buffer.concat([DEMO.subarray(0, 16), u64(entries + 3)]);
  const first = Buffer.concat([head, ...settings(0), DEMO.subarray(24)]);
  // The three entries shift the tensors, which must begin at a multiple of 32.
  const shift = Buffer.concat(settings(0)).length;
  const padding = (32 - (shift % 32)) % 32;
  const second = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(3), ...settings(1)]);
  return [padding === 0 ? first : withText(head, padding, shift), padded(second)];
}

function settings(index: number): readonly Buffer[] {
  const tensors = DEMO.readUInt32LE(8);
  return [u16('split.no', index), u16('split.count', 2), i32('split.tensors.count', tensors)];
}

/** Adds an entry that fills the header up to a multiple of 32. */
function withText(head: Buffer, padding: number, shift: number): Buffer {
  const key = 'general.note';
  const emptyEntryBytes = 8 + key.length + 4 + 8;
  const length = (((padding - emptyEntryBytes) % 32) + 32) % 32;
  const note = Buffer.concat([u64(key.length), Buffer.from(key), u32(8), u64(length), Buffer.alloc(length, ' ')]);
  const entries = head.readUInt32LE(16) + 1;
  if ((shift + note.length) % 32 !== 0) throw new Error('The tensors would not be aligned.');
  return Buffer.concat([head.subarray(0, 16), u64(entries), ...settings(0), note, DEMO.subarray(24)]);
}

function u16(key: string, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return Buffer.concat([u64(key.length), Buffer.from(key), u32(2), bytes]);
}

function i32(key: string, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return Buffer.concat([u64(key.length), Buffer.from(key), u32(5), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)]);
}
