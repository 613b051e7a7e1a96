/** The first bytes of every GGUF file (docs/gguf.md in ggml's repository). */
const MAGIC = Buffer.from('GGUF', 'latin1');

/** Bytes of a file's beginning that `isGguf` needs. */
export const GGUF_MAGIC_LENGTH = MAGIC.length;

/** True if a file that begins with `bytes` is a GGUF file. */
export function isGguf(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}
