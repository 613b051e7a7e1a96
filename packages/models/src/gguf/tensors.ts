import { invalidGguf } from './invalid-gguf.ts';
import { TENSOR_TYPES } from './tensor-types.ts';
import { readText } from './values.ts';
import { need, type HeaderReader, type HeaderWindow } from './window.ts';

/** Fixed by ggml: 64 bytes with the terminator. */
const TENSOR_NAME_MAX = 63;
/** Fixed by ggml. */
const MAX_DIMENSIONS = 4;
/** Bytes of a name's length, the number of dimensions, the type and the offset. */
const SMALLEST_TENSOR_BYTES = 24;

export interface Tensor {
  readonly name: string;
  /** ggml's name, such as `Q4_K`. */
  readonly type: string;
  readonly weights: number;
  readonly bytes: number;
  /** Position in the tensors' data. */
  readonly offset: number;
}

export function* readTensors(window: HeaderWindow, count: number): HeaderReader<Tensor[]> {
  window.checkRemaining(count, SMALLEST_TENSOR_BYTES);
  const tensors: Tensor[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const tensor = yield* readTensor(window);
    if (names.has(tensor.name)) throw invalidGguf('two of its tensors have the same name');
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
  if (type === undefined) throw invalidGguf('a tensor has an unknown type; update Shoal');
  const { blockWeights, blockBytes } = type;
  if (!Number.isSafeInteger(weights) || shape.some((size) => size === 0)) {
    throw invalidGguf(`a tensor has the shape ${shape.join(' × ')}`);
  }
  if ((shape[0] ?? 1) % blockWeights !== 0)
    throw invalidGguf(`the length of a tensor's row is not a multiple of ${blockWeights}`);
  return { name, type: type.name, weights, bytes: (weights / blockWeights) * blockBytes, offset: window.u64() };
}

/**
 * Checks that the tensors follow each other, aligned, as llama.cpp requires, and that the file contains all of them. So no
 * tensor can overlap another or point outside the file.
 */
export function checkOffsets(tensors: readonly Tensor[], alignment: number, dataBytes: number): void {
  let expected = 0;
  for (const { offset, bytes } of tensors) {
    if (offset !== expected) throw invalidGguf('a tensor is not at its expected position');
    if (bytes > dataBytes - offset) {
      throw invalidGguf('it is truncated: its tensors need more bytes than it has. Download it again');
    }
    expected = aligned(offset + bytes, alignment);
  }
}

export function aligned(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
