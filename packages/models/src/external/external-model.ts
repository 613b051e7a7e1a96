import type { Digest } from '@shoal/files/digest';
import type { ScannedFile } from './folder-scan.ts';

/** The program that a model belongs to, or `folder` for a file in a configured folder. */
export type ExternalOwner = 'ollama' | 'lm-studio' | 'hugging-face' | 'folder';

/** A model of another program or in a configured folder. It is used in place and never changed. */
export interface ExternalModel {
  readonly name: string;
  readonly owner: ExternalOwner;
  /** The file that an engine loads: the model's file or its first part. */
  readonly path: string;
  /** All files in order, for `inspectModel`. */
  readonly paths: readonly string[];
  readonly bytes: number;
  /** The digest in the other program's file names. It has not been checked against the content. */
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
