import { isGguf } from '@shoal/files/gguf';
import { ShoalError } from '@shoal/protocol/error';
import { unsupportedFormat } from '@shoal/protocol/donate';

/** Magic, version, number of tensors and number of metadata entries: u32, u32, u64, u64, little-endian. */
export const GGUF_HEADER_BYTES = 24;
/** The smallest entry of a tensor: length of its name, number of dimensions, type and offset. */
const LEAST_TENSOR_BYTES = 24;
/** The smallest entry of metadata: length of its key, type, and a value of one byte. */
const LEAST_METADATA_BYTES = 13;

/** The versions that llama.cpp reads. */
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);

/**
 * Throws `INVALID_REQUEST` if `header` cannot begin a GGUF file of `length` bytes (format: ggml/docs/gguf.md in ggml's
 * repository). The process that loads the file checks the rest.
 */
export function checkGgufHeader(header: Uint8Array, length: number): void {
  if (!isGguf(header)) throw ShoalError.invalidRequest(unsupportedFormat('unknown'));
  if (header.length < GGUF_HEADER_BYTES) throw ShoalError.invalidRequest('the GGUF file ends within its header');
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const version = view.getUint32(4, true);
  if (!VERSIONS.has(version)) throw ShoalError.invalidRequest(unsupportedFormat(`gguf version ${version}`));
  const needed =
    Number(view.getBigUint64(8, true)) * LEAST_TENSOR_BYTES +
    Number(view.getBigUint64(16, true)) * LEAST_METADATA_BYTES;
  if (needed + GGUF_HEADER_BYTES > length) {
    throw ShoalError.invalidRequest('the GGUF header promises more than the file holds');
  }
}
