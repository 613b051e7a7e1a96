import { isGguf } from '@shoal/files/gguf';
import { ShoalError } from '@shoal/protocol';
import { unsupportedFormat } from '@shoal/protocol/donate';

/** Magic, version, and how many tensors and metadata there are: u32, u32, u64, u64, little-endian. */
export const GGUF_HEADER_BYTES = 24;
/** A tensor's entry: the length of its name, dimensions, type and offset. */
const LEAST_TENSOR_BYTES = 24;
/** A metadata's entry: the length of its key, its type, and a value of a byte. */
const LEAST_METADATA_BYTES = 13;

/** Those that llama.cpp reads. */
const VERSIONS: ReadonlySet<number> = new Set([2, 3]);

/**
 * Throws where the first bytes of a file of `length` bytes cannot begin a GGUF file (format: ggml/docs/gguf.md in ggml's
 * repository). What lies behind them is for the process that loads it.
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
