import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '@shoal/protocol';
import { type Digest, digestFile, isDigest, modelDigest } from '@shoal/files/digest';
import { inspectModel } from '../gguf/inspect.ts';
import { isMissing } from '@shoal/files/error-code';
import type { Layout } from './layout.ts';
import { hasParts } from './parts.ts';
import { readReferences, type Reference } from './reference.ts';

const BLOB = /^sha256-([0-9a-f]{64})$/;
const PARTIAL = /^[0-9a-f]{64}\.partial$/;

/** What is wrong with a name: its model cannot be used until it is pulled again or the name is removed. */
export interface BrokenModel {
  readonly name: string;
  /** For people: what is wrong. */
  readonly why: string;
}

export interface Verification {
  /** Names whose every byte is right. */
  readonly sound: readonly string[];
  readonly broken: readonly BrokenModel[];
  /** Files in which a name should be and is not. */
  readonly unreadable: readonly string[];
  /** Blobs that no name refers to; `prune` removes them. */
  readonly orphans: readonly Digest[];
  /** Downloads that were not finished, in bytes; a pull goes on with them, and `prune` removes them. */
  readonly unfinishedBytes: number;
}

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

/** Reads every blob that a name refers to, and says what is broken, missing or left over. Changes nothing. */
export async function verifyStore(layout: Layout, options: VerifyOptions): Promise<Verification> {
  const { references, unreadable } = await readReferences(layout);
  const files = new Map(references.flatMap(({ files: all }) => all.map((file) => [file.digest, file.bytes])));
  const totalBytes = [...files.values()].reduce((total, bytes) => total + bytes, 0);
  let doneBytes = 0;
  const faults = new Map<Digest, string>();
  for (const digest of files.keys()) {
    const fault = await faultOf(layout, digest, options.signal, (bytes) => {
      doneBytes += bytes;
      options.onProgress?.({ doneBytes, totalBytes });
    });
    if (fault !== undefined) faults.set(digest, fault);
  }
  const sound: string[] = [];
  const broken: BrokenModel[] = [];
  for (const reference of references) {
    const why = await whyBroken(layout, reference, faults);
    if (why === undefined) sound.push(reference.name);
    else broken.push({ name: reference.name, why });
  }
  return { sound, broken, unreadable, ...(await leftOvers(layout, new Set(files.keys()))) };
}

/** Blobs without a name, and what unfinished downloads take. */
export async function leftOvers(layout: Layout, referenced: ReadonlySet<Digest>) {
  const orphans: Digest[] = [];
  let unfinishedBytes = 0;
  for (const file of await readdir(layout.blobs)) {
    const digest = `sha256:${BLOB.exec(file)?.[1] ?? ''}`;
    if (isDigest(digest) && !referenced.has(digest)) orphans.push(digest);
    if (PARTIAL.test(file)) unfinishedBytes += await bytesOf(join(layout.blobs, file));
  }
  return { orphans, unfinishedBytes };
}

async function faultOf(
  layout: Layout,
  digest: Digest,
  signal: AbortSignal | undefined,
  onRead: (bytes: number) => void,
): Promise<string | undefined> {
  try {
    const actual = await digestFile(layout.blob(digest), { onRead, ...(signal && { signal }) });
    return actual === digest ? undefined : `its file ${digest} has other content`;
  } catch (error) {
    if (isMissing(error)) return `its file ${digest} is missing`;
    throw error;
  }
}

async function whyBroken(
  layout: Layout,
  { files }: Reference,
  faults: ReadonlyMap<Digest, string>,
): Promise<string | undefined> {
  const digests = files.map(({ digest }) => digest);
  for (const digest of digests) {
    const fault = faults.get(digest);
    if (fault !== undefined) return fault;
  }
  if (digests.length > 1 && !(await hasParts(layout, modelDigest(digests), digests))) {
    return 'the links to its parts are missing';
  }
  try {
    await inspectModel(digests.map((digest) => layout.blob(digest)));
    return undefined;
  } catch (error) {
    if (error instanceof ShoalError) return error.message;
    throw error;
  }
}

async function bytesOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    // A pull has just finished with it.
    if (isMissing(error)) return 0;
    throw error;
  }
}
