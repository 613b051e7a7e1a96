import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { type Digest, isDigest } from '@shoal/files/digest';
import { writeDurably } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';
import { type Layout, namesIn } from './layout.ts';
import { parseName } from './name.ts';

/** One file of a model. */
export interface FileReference {
  readonly digest: Digest;
  readonly bytes: number;
  /** The strong `ETag` of a link, which shows that the file is unchanged there. */
  readonly etag?: string | undefined;
}

/** The content of a name's file. */
export interface Reference {
  readonly name: string;
  /** The model's files in order: one, or all parts. */
  readonly files: readonly [FileReference, ...FileReference[]];
  /** The source of the pull, such as `hf:owner/repo:Q4_K_M`. */
  readonly source: string;
  /** ISO 8601. */
  readonly addedAt: string;
}

/** Returns undefined if the file is missing or not valid. `verify` reports files that are not valid. */
export async function readReference(path: string): Promise<Reference | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isReference(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw error;
  }
}

export async function writeReference(layout: Layout, reference: Reference): Promise<void> {
  await writeDurably(layout.name(reference.name), `${JSON.stringify(reference, undefined, 2)}\n`);
}

/** All references, sorted by name, and the files in their folder that are not valid. */
export async function readReferences(layout: Layout): Promise<{ references: Reference[]; unreadable: string[] }> {
  const references: Reference[] = [];
  const unreadable: string[] = [];
  for (const file of await namesIn(layout.names)) {
    if (!file.endsWith('.json')) continue;
    const path = join(layout.names, file);
    const reference = await readReference(path);
    // A reference under another file name could not be found or removed.
    if (reference !== undefined && basename(layout.name(reference.name)) === file) references.push(reference);
    else if (reference !== undefined || (await exists(path))) unreadable.push(path);
  }
  return { references: references.toSorted((left, right) => (left.name < right.name ? -1 : 1)), unreadable };
}

async function exists(path: string): Promise<boolean> {
  try {
    await readFile(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isReference(value: unknown): value is Reference {
  if (!isObject(value)) return false;
  const { name, files, source, addedAt } = value;
  return (
    typeof name === 'string' &&
    isName(name) &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every(isFileReference) &&
    typeof source === 'string' &&
    typeof addedAt === 'string'
  );
}

function isName(text: string): boolean {
  try {
    return parseName(text) === text;
  } catch {
    return false;
  }
}

function isFileReference(value: unknown): value is FileReference {
  if (!isObject(value)) return false;
  const { digest, bytes, etag } = value;
  const isSized = Number.isSafeInteger(bytes) && Number(bytes) >= 0;
  return isDigest(digest) && isSized && (etag === undefined || typeof etag === 'string');
}
