import b4a from 'b4a';

/** Text that is decoded at a time. Short strings are collected early; strings of a megabyte stay until a full collection. */
const SLICE_BYTES = 64 * 1024;

/**
 * Decodes padded standard base64 (RFC 4648, section 4) in ASCII. Returns undefined for anything else. The decoder skips
 * invalid characters, which the length shows. It also accepts the URL alphabet, which needs a check of its own.
 */
export function decodeBase64(text: Uint8Array): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const length = (text.length / 4) * 3 - padding(text);
  const decoded = b4a.alloc(length);
  for (let from = 0, at = 0; from < text.length; from += SLICE_BYTES) {
    const slice = b4a.toString(text.subarray(from, from + SLICE_BYTES), 'latin1');
    if (slice.includes('-') || slice.includes('_')) return undefined;
    const expected = Math.min((slice.length / 4) * 3, length - at);
    if (b4a.write(decoded, slice, at, expected, 'base64') !== expected) return undefined;
    at += expected;
  }
  return decoded;
}

function padding(text: Uint8Array): number {
  const [beforeLast, last] = [text.at(-2), text.at(-1)];
  const PAD = 0x3d;
  return last !== PAD ? 0 : beforeLast === PAD ? 2 : 1;
}
