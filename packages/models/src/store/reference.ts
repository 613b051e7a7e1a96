import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isObject } from '@shoal/protocol';
import { type Digest, isDigest } from '@shoal/files/digest';
import { writeDurably } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';
import type { Layout } from './layout.ts';
import { parseName } from './name.ts';

/** One file of a model. */
export interface FileReference {
  readonly digest: Digest;
  readonly bytes: number;
}

/** What a name stands for. */
export interface Reference {
  readonly name: string;
  /** The model's files in order: one, or all parts. */
  readonly files: readonly [FileReference, ...FileReference[]];
  /** Where it came from, such as `hf:owner/repo:Q4_K_M`. */
  readonly source: string;
  /** ISO 8601. */
  readonly addedAt: string;
}

/** Undefined where there is none, or what is there is none: `verify` tells of those. */
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

/** All of them, in the order of their names, and the files that are none. */
export async function readReferences(layout: Layout): Promise<{ references: Reference[]; unreadable: string[] }> {
  const references: Reference[] = [];
  const unreadable: string[] = [];
  for (const file of await readdir(layout.names)) {
    if (!file.endsWith('.json')) continue;
    const path = join(layout.names, file);
    const reference = await readReference(path);
    // Under another file's name it could not be found, or removed.
    if (reference !== undefined && basename(layout.name(reference.name)) === file) references.push(reference);
    else if (reference !== undefined || (await isThere(path))) unreadable.push(path);
  }
  return { references: references.toSorted((left, right) => (left.name < right.name ? -1 : 1)), unreadable };
}

async function isThere(path: string): Promise<boolean> {
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
  const { digest, bytes } = value;
  return isDigest(digest) && Number.isSafeInteger(bytes) && Number(bytes) >= 0;
}
