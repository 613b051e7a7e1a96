import { invalidGguf } from './invalid-gguf.ts';
import { TENSOR_TYPES } from './tensor-types.ts';
import { readText } from './values.ts';
import { need, type HeaderReader, type HeaderWindow } from './window.ts';

/** Fixed by ggml: a name has room for 64 bytes, its end included. */
const TENSOR_NAME_MAX = 63;
/** Fixed by ggml. */
const MAX_DIMENSIONS = 4;
/** A name's length, the number of dimensions, the type and the offset. */
const SMALLEST_TENSOR_BYTES = 24;

export interface Tensor {
  readonly name: string;
  /** As ggml calls it, such as `Q4_K`. */
  readonly type: string;
  readonly weights: number;
  readonly bytes: number;
  /** From the beginning of the data. */
  readonly offset: number;
}

export function* readTensors(window: HeaderWindow, count: number): HeaderReader<Tensor[]> {
  window.expect(count, SMALLEST_TENSOR_BYTES);
  const tensors: Tensor[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const tensor = yield* readTensor(window);
    if (names.has(tensor.name)) throw invalidGguf('two of its tensors have one name');
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return tensors;
}

function* readTensor(window: HeaderWindow): HeaderReader<Tensor> {
  const name = yield* readText(window, TENSOR_NAME_MAX, "a tensor's name");
  yield* need(window, 4);
  const dimensions = window.u32();
  if (dimensions > MAX_DIMENSIONS) throw invalidGguf(`a tensor has ${dimensions} dimensions`);
  yield* need(window, 8 * dimensions + 12);
  const shape = Array.from({ length: dimensions }, () => window.u64());
  const weights = shape.reduce((product, size) => product * size, 1);
  const type = TENSOR_TYPES.get(window.u32());
  if (type === undefined) throw invalidGguf('a tensor is stored in a way that is not known here; update Shoal');
  const { blockWeights, blockBytes } = type;
  if (!Number.isSafeInteger(weights) || shape.some((size) => size === 0)) {
    throw invalidGguf(`a tensor has the shape ${shape.join(' × ')}`);
  }
  if ((shape[0] ?? 1) % blockWeights !== 0) throw invalidGguf(`a row of a tensor is no multiple of ${blockWeights}`);
  return { name, type: type.name, weights, bytes: (weights / blockWeights) * blockBytes, offset: window.u64() };
}

/**
 * One tensor lies behind the other, each beginning at a multiple of the alignment, as llama.cpp demands it, and the file
 * holds them all: nothing points outside or into another one.
 */
export function checkPlaces(tensors: readonly Tensor[], alignment: number, dataBytes: number): void {
  let expected = 0;
  for (const { offset, bytes } of tensors) {
    if (offset !== expected) throw invalidGguf('a tensor does not lie where it should');
    if (bytes > dataBytes - offset) {
      throw invalidGguf('it is cut off: its tensors need more bytes than it has. Fetch it again');
    }
    expected = aligned(offset + bytes, alignment);
  }
}

export function aligned(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
