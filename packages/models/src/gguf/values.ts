import { invalidGguf } from './invalid-gguf.ts';
import { need, type HeaderReader, type HeaderWindow } from './window.ts';

/** Longest text that is kept. Chat templates have up to 100 KiB. Tokenizers as JSON, with 20 MiB, are skipped. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** All kept texts of a header together. */
const MAX_TEXTS_BYTES = 8 * 1024 * 1024;
/** Items of one list. Vocabularies have up to 300,000 tokens and twice as many merges. */
const MAX_ARRAY_ITEMS = 4 * 1024 * 1024;
/** Items of a list that is kept, such as one number for each layer. */
const MAX_KEPT_ITEMS = 4096;

const TEXT = 8;
const ARRAY = 9;
const LENGTH_OF_TEXT_BYTES = 8;

/** Number types by GGUF's type number (docs/gguf.md of ggml). */
const NUMBERS: Readonly<
  Record<number, { readonly bytes: number; readonly read: (bytes: Buffer) => number | boolean }>
> = {
  0: { bytes: 1, read: (bytes) => bytes.readUInt8() },
  1: { bytes: 1, read: (bytes) => bytes.readInt8() },
  2: { bytes: 2, read: (bytes) => bytes.readUInt16LE() },
  3: { bytes: 2, read: (bytes) => bytes.readInt16LE() },
  4: { bytes: 4, read: (bytes) => bytes.readUInt32LE() },
  5: { bytes: 4, read: (bytes) => bytes.readInt32LE() },
  6: { bytes: 4, read: (bytes) => bytes.readFloatLE() },
  7: { bytes: 1, read: (bytes) => bytes.readUInt8() !== 0 },
  10: { bytes: 8, read: (bytes) => Number(bytes.readBigUInt64LE()) },
  11: { bytes: 8, read: (bytes) => Number(bytes.readBigInt64LE()) },
  12: { bytes: 8, read: (bytes) => bytes.readDoubleLE() },
};

/** 64-bit numbers beyond 2^53 are rounded. */
type Scalar = number | boolean | string;

export type MetadataValue =
  | Scalar
  /** A list. Has items only if they were requested and are not too many. */
  | { readonly length: number; readonly items?: readonly Scalar[] | undefined }
  /** A text that is too long to keep. */
  | { readonly skippedBytes: number };

export type Metadata = ReadonlyMap<string, MetadataValue>;

/** Bytes of a header's kept texts so far. */
export interface TextBudget {
  bytes: number;
}

export function* readValue(window: HeaderWindow, keepsItems: boolean, budget: TextBudget): HeaderReader<MetadataValue> {
  yield* need(window, 4);
  const type = window.u32();
  if (type === ARRAY) return yield* readArray(window, keepsItems, budget);
  if (type === TEXT) return yield* readLongText(window, budget);
  return yield* readNumber(window, type);
}

/** Reads a text of at most `limit` bytes. `what` is its name in the error message. */
export function* readText(window: HeaderWindow, limit: number, what: string): HeaderReader<string> {
  yield* need(window, LENGTH_OF_TEXT_BYTES);
  const length = window.u64();
  if (length > limit) throw invalidGguf(`${what} has more than ${limit} bytes`);
  yield* need(window, length);
  return window.read(length).toString('utf8');
}

function* readLongText(window: HeaderWindow, budget: TextBudget): HeaderReader<MetadataValue> {
  yield* need(window, LENGTH_OF_TEXT_BYTES);
  const length = window.u64();
  window.checkRemaining(length);
  if (length > MAX_TEXT_BYTES) {
    window.skip(length);
    return { skippedBytes: length };
  }
  yield* need(window, length);
  budget.bytes += length;
  if (budget.bytes > MAX_TEXTS_BYTES) throw invalidGguf(`its texts have more than ${MAX_TEXTS_BYTES / 1024 ** 2} MiB`);
  return window.read(length).toString('utf8');
}

function* readNumber(window: HeaderWindow, type: number): HeaderReader<number | boolean> {
  const { bytes, read } = numberType(type);
  yield* need(window, bytes);
  return read(window.read(bytes));
}

function* readArray(window: HeaderWindow, keepsItems: boolean, budget: TextBudget): HeaderReader<MetadataValue> {
  yield* need(window, 12);
  const type = window.u32();
  const length = window.u64();
  if (length > MAX_ARRAY_ITEMS) throw invalidGguf(`a list in its header has more than ${MAX_ARRAY_ITEMS} items`);
  const itemBytes = type === TEXT ? LENGTH_OF_TEXT_BYTES : numberType(type).bytes;
  window.checkRemaining(length, itemBytes);
  if (keepsItems && length <= MAX_KEPT_ITEMS) return { length, items: yield* readItems(window, type, length, budget) };
  if (type === TEXT) yield* skipTexts(window, length);
  else window.skip(length * itemBytes);
  return { length };
}

function* readItems(window: HeaderWindow, type: number, length: number, budget: TextBudget): HeaderReader<Scalar[]> {
  const items: Scalar[] = [];
  for (let index = 0; index < length; index++) {
    const item = type === TEXT ? yield* readLongText(window, budget) : yield* readNumber(window, type);
    if (typeof item === 'object') throw invalidGguf('a text in a list of its header is too long');
    items.push(item);
  }
  return items;
}

/** Skips texts, of which there may be hundreds of thousands, without creating strings. */
function* skipTexts(window: HeaderWindow, count: number): HeaderReader<void> {
  for (let index = 0; index < count; index++) {
    if (window.available < LENGTH_OF_TEXT_BYTES) yield* need(window, LENGTH_OF_TEXT_BYTES);
    const length = window.u64();
    if (length > window.available) window.checkRemaining(length);
    window.skip(length);
  }
}

function numberType(type: number) {
  const known = NUMBERS[type];
  if (known === undefined) {
    throw invalidGguf(
      type === ARRAY ? 'its header has lists of lists' : `its header has a value of unknown type ${type}`,
    );
  }
  return known;
}
