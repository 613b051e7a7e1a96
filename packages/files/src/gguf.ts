/** What every GGUF file begins with (ggml/docs/gguf.md in ggml's repository). */
const MAGIC = Buffer.from('GGUF', 'latin1');

/** Length of a beginning that is enough for `isGguf`. */
export const GGUF_MAGIC_LENGTH = MAGIC.length;

/** True if a file with this beginning is a GGUF file. `bytes` may hold more than the magic. */
export function isGguf(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}
