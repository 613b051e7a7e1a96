import b4a from 'b4a';
import { ShoalError } from './error.ts';

/** Numbers of one vector. This many fit a message. */
export const MAX_VECTOR_LENGTH = 32 * 1024;

const NUMBER_SIZE = Float32Array.BYTES_PER_ELEMENT;
/** Standard base64 with padding (RFC 4648, section 4). Decoders alone accept invalid text. */
const BASE64_PATTERN = /^[A-Za-z0-9+/]*={0,2}$/;

/** Returns a vector as base64 of little-endian 32-bit floats, the precision of engines. Decimal digits are three times longer. */
export function encodeVector(vector: readonly number[]): string {
  if (vector.length > MAX_VECTOR_LENGTH) {
    throw ShoalError.generationFailed(
      `The vector has ${vector.length} numbers, and a message may have ${MAX_VECTOR_LENGTH}. Use a smaller model.`,
    );
  }
  const bytes = b4a.alloc(vector.length * NUMBER_SIZE);
  const view = viewOf(bytes);
  for (const [index, number] of vector.entries()) {
    if (!Number.isFinite(Math.fround(number))) {
      throw ShoalError.generationFailed('The vector of the model has values that are not numbers.');
    }
    view.setFloat32(index * NUMBER_SIZE, number, true);
  }
  return b4a.toString(bytes, 'base64');
}

export function decodeVector(text: string): readonly number[] {
  const bytes = text.length % 4 === 0 && BASE64_PATTERN.test(text) ? b4a.from(text, 'base64') : undefined;
  if (bytes === undefined || bytes.length === 0 || bytes.length % NUMBER_SIZE !== 0) {
    throw ShoalError.badMessage('A vector must be base64 of 32-bit floats.');
  }
  const view = viewOf(bytes);
  const vector = Array.from({ length: bytes.length / NUMBER_SIZE }, (_, index) =>
    view.getFloat32(index * NUMBER_SIZE, true),
  );
  if (!vector.every(Number.isFinite)) throw ShoalError.badMessage('A vector must contain only numbers.');
  return vector;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
