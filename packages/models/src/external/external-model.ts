import type { Digest } from '@shoal/files/digest';
import type { ScannedFile } from './folder-scan.ts';

/** Whose a model is. */
export type ExternalOwner = 'ollama' | 'lm-studio' | 'hugging-face' | 'folder';

/** A model that another program has, or that lies in a folder. It is used where it is, and never changed. */
export interface ExternalModel {
  readonly name: string;
  readonly owner: ExternalOwner;
  /** What an engine loads: the file, or the first of its parts. */
  readonly path: string;
  /** All files in order, for `inspectModel`. */
  readonly paths: readonly string[];
  readonly bytes: number;
  /** By the other program's own account; nobody has read the file to see whether it is so. */
  readonly claimedDigest?: Digest | undefined;
}

export function externalModel(
  owner: ExternalOwner,
  name: string,
  files: readonly [ScannedFile, ...ScannedFile[]],
  claimedDigest?: Digest,
): ExternalModel {
  return {
    name,
    owner,
    path: files[0].path,
    paths: files.map(({ path }) => path),
    bytes: files.reduce((total, { bytes }) => total + bytes, 0),
    ...(claimedDigest !== undefined && { claimedDigest }),
  };
}
