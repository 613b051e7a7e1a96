import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '@shoal/protocol/error';
import { type Digest, digestFile, isDigest, modelDigest } from '@shoal/files/digest';
import { inspectModel } from '../gguf/inspect.ts';
import { isMissing } from '@shoal/files/error-code';
import { type Layout, namesIn } from './layout.ts';
import { hasParts } from './parts.ts';
import { readReferences, type Reference } from './reference.ts';

const BLOB = /^sha256-([0-9a-f]{64})$/;
const PARTIAL = /^[0-9a-f]{64}\.partial$/;

/** A name whose model cannot be used. It has to be pulled again or removed. */
export interface BrokenModel {
  readonly name: string;
  /** The fault, as text for users. */
  readonly why: string;
}

export interface Verification {
  /** Names whose files all have the right content. */
  readonly sound: readonly string[];
  readonly broken: readonly BrokenModel[];
  /** Paths of name files that are not valid. */
  readonly unreadable: readonly string[];
  /** Blobs that no name uses. `prune` removes them. */
  readonly orphans: readonly Digest[];
  /** Bytes of unfinished downloads. A pull resumes them, `prune` removes them. */
  readonly unfinishedBytes: number;
}

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
}

/** Reads every blob with a name, and reports broken, missing and leftover files. Changes nothing. */
export async function verifyStore(layout: Layout, options: VerifyOptions): Promise<Verification> {
  const { references, unreadable } = await readReferences(layout);
  const files = new Map(references.flatMap(({ files: all }) => all.map((file) => [file.digest, file.bytes])));
  const totalBytes = [...files.values()].reduce((total, bytes) => total + bytes, 0);
  let doneBytes = 0;
  const faults = new Map<Digest, string>();
  for (const digest of files.keys()) {
    const fault = await faultOfBlob(layout, digest, options.signal, (bytes) => {
      doneBytes += bytes;
      options.onProgress?.({ doneBytes, totalBytes });
    });
    if (fault !== undefined) faults.set(digest, fault);
  }
  const sound: string[] = [];
  const broken: BrokenModel[] = [];
  for (const reference of references) {
    const why = await faultOfModel(layout, reference, faults);
    if (why === undefined) sound.push(reference.name);
    else broken.push({ name: reference.name, why });
  }
  return { sound, broken, unreadable, ...(await findLeftovers(layout, new Set(files.keys()))) };
}

/** Finds blobs that no name uses, and the size of unfinished downloads. */
export async function findLeftovers(layout: Layout, referenced: ReadonlySet<Digest>) {
  const orphans: Digest[] = [];
  let unfinishedBytes = 0;
  for (const file of await namesIn(layout.blobs)) {
    const digest = `sha256:${BLOB.exec(file)?.[1] ?? ''}`;
    if (isDigest(digest) && !referenced.has(digest)) orphans.push(digest);
    if (PARTIAL.test(file)) unfinishedBytes += await bytesOf(join(layout.blobs, file));
  }
  return { orphans, unfinishedBytes };
}

async function faultOfBlob(
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

async function faultOfModel(
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
    // A pull has just renamed or removed it.
    if (isMissing(error)) return 0;
    throw error;
  }
}
