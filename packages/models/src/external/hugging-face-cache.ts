import { readlink } from 'node:fs/promises';
import { basename, sep } from 'node:path';
import { type Digest, isDigest } from '@shoal/files/digest';
import { errorCode } from '@shoal/files/error-code';
import { nameFrom } from '../store/name.ts';
import { findInFolder } from './folder.ts';
import type { ExternalModel } from './external-model.ts';
import type { FolderScan } from './folder-scan.ts';

/** `models--OWNER--REPO/snapshots/REVISION/FILE.gguf`, a link to `blobs/SHA256` (huggingface_hub's cache). */
const SNAPSHOT = /^models--(.+?)--(.+)$/;

export async function findHuggingFaceCache(scan: FolderScan, folder: string): Promise<ExternalModel[]> {
  const nameOf = (path: string): string => {
    const [repository = ''] = path.split(sep);
    const [, owner = 'unknown', name = repository] = SNAPSHOT.exec(repository) ?? [];
    return `hf.co/${nameFrom(owner)}/${nameFrom(name)}:${nameFrom(basename(path))}`;
  };
  const models = await findInFolder(scan, folder, { owner: 'hugging-face', nameOf });
  return Promise.all(models.map(withClaimedDigest));
}

async function withClaimedDigest(model: ExternalModel): Promise<ExternalModel> {
  const claimedDigest = model.paths.length === 1 ? await claimedDigestOf(model.path) : undefined;
  return claimedDigest === undefined ? model : { ...model, claimedDigest };
}

/** The digest in the name of the linked blob: large files are named by their SHA-256. Undefined without a link. */
async function claimedDigestOf(path: string): Promise<Digest | undefined> {
  try {
    const digest = `sha256:${basename(await readlink(path))}`;
    return isDigest(digest) ? digest : undefined;
  } catch (error) {
    if (['EINVAL', 'ENOENT', 'UNKNOWN'].includes(errorCode(error))) return undefined;
    throw error;
  }
}
