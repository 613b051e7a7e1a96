import { basename, dirname, join, relative, sep } from 'node:path';
import { partFileNames, parsePart } from '../sources/split.ts';
import { nameFrom } from '../store/name.ts';
import { externalModel, type ExternalModel, type ExternalOwner } from './external-model.ts';
import type { ScannedFile, FolderScan } from './folder-scan.ts';

/** Files that are not models by themselves: projectors and importance matrices. */
const NOT_A_MODEL = /^(?:mmproj|imatrix)|[-._](?:mmproj|imatrix)[-._]/i;

/** Finds the GGUF models below a folder. `nameOf` returns a model's name from its path within the folder. */
export async function findInFolder(
  scan: FolderScan,
  folder: string,
  {
    owner = 'folder',
    nameOf = nameOfFile,
  }: { readonly owner?: ExternalOwner | undefined; readonly nameOf?: (path: string) => string } = {},
): Promise<ExternalModel[]> {
  const models: ExternalModel[] = [];
  for await (const path of scan.files(folder)) {
    const isFirst = (parsePart(basename(path))?.number ?? 1) === 1;
    if (!/\.gguf$/i.test(path) || NOT_A_MODEL.test(basename(path)) || !isFirst) continue;
    const files = await scanParts(scan, path);
    if (files !== undefined) models.push(externalModel(owner, nameOf(relative(folder, path)), files));
  }
  return models.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** Finds LM Studio's models: `PUBLISHER/REPOSITORY/FILE.gguf`. */
export function findLmStudio(scan: FolderScan, folder: string): Promise<ExternalModel[]> {
  const nameOf = (path: string): string => {
    const [publisher, repository] = path.split(sep);
    const model = nameOfFile(path);
    return publisher === undefined || repository === undefined || publisher === basename(path)
      ? model
      : `${nameFrom(publisher)}/${model}`;
  };
  return findInFolder(scan, folder, { owner: 'lm-studio', nameOf });
}

function nameOfFile(path: string): string {
  return nameFrom(basename(path).replace(/-00001-of-\d{5}(?=\.gguf$)/i, ''));
}

/** All parts of a model. Returns undefined if one is missing, which the scan records as skipped. */
async function scanParts(scan: FolderScan, path: string): Promise<[ScannedFile, ...ScannedFile[]] | undefined> {
  const first = await scan.file(path);
  if (first === undefined) return undefined;
  const files: [ScannedFile, ...ScannedFile[]] = [first];
  for (const name of partFileNames(basename(path)).slice(1)) {
    const part = await scan.file(join(dirname(path), name));
    if (part === undefined) return undefined;
    files.push(part);
  }
  return files;
}
