import { invalidGguf } from '../gguf/invalid-gguf.ts';

/** Files of one split model. A model of more is refused. */
const MAX_PARTS = 512;

/** `NAME-00002-of-00005.gguf`, as llama-gguf-split names them. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

export interface PartName {
  readonly prefix: string;
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

/** Returns undefined for a file that is not named as a part. */
export function parsePart(fileName: string): PartName | undefined {
  const [, prefix, number, count] = PART.exec(fileName) ?? [];
  if (prefix === undefined) return undefined;
  return { prefix, number: Number(number), count: Number(count) };
}

/** The file names of all parts, in order, from the name of any part. For a model in one file: its name alone. */
export function partFileNames(fileName: string): readonly [string, ...string[]] {
  const part = parsePart(fileName);
  if (part === undefined) return [fileName];
  const { prefix, count } = part;
  if (count < 1 || count > MAX_PARTS) throw invalidGguf(`its name claims ${count} parts`);
  const name = (index: number): string => `${prefix}-${padded(index + 1)}-of-${padded(count)}.gguf`;
  return [name(0), ...Array.from({ length: count - 1 }, (_, index) => name(index + 1))];
}

function padded(number: number): string {
  return String(number).padStart(5, '0');
}
