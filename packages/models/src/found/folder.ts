import { basename, dirname, join, relative, sep } from 'node:path';
import { allParts, parsePart } from '../sources/split.ts';
import { nameFrom } from '../store/name.ts';
import { foundModel, type FoundModel, type Owner } from './found-model.ts';
import type { FoundFile, Scan } from './scan.ts';

/** Parts of models that see or hear: they answer nothing by themselves. */
const NO_MODEL = /^(?:mmproj|imatrix)|[-._](?:mmproj|imatrix)[-._]/i;

/** The GGUF files below a folder. A model's name is that of its file, behind `prefix` and the folders that lead to it. */
export async function findInFolder(
  scan: Scan,
  folder: string,
  {
    owner = 'folder',
    nameOf = nameOfFile,
  }: { readonly owner?: Owner | undefined; readonly nameOf?: (path: string) => string } = {},
): Promise<FoundModel[]> {
  const models: FoundModel[] = [];
  for await (const path of scan.files(folder)) {
    const isFirst = (parsePart(basename(path))?.number ?? 1) === 1;
    if (!/\.gguf$/i.test(path) || NO_MODEL.test(basename(path)) || !isFirst) continue;
    const files = await partsOf(scan, path);
    if (files !== undefined) models.push(foundModel(owner, nameOf(relative(folder, path)), files));
  }
  return models.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** LM Studio has `PUBLISHER/REPOSITORY/FILE.gguf`. */
export function findLmStudio(scan: Scan, folder: string): Promise<FoundModel[]> {
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

/** Undefined, and noted, where a part is missing. */
async function partsOf(scan: Scan, path: string): Promise<[FoundFile, ...FoundFile[]] | undefined> {
  const first = await scan.file(path);
  if (first === undefined) return undefined;
  const files: [FoundFile, ...FoundFile[]] = [first];
  for (const name of allParts(basename(path)).slice(1)) {
    const part = await scan.file(join(dirname(path), name));
    if (part === undefined) return undefined;
    files.push(part);
  }
  return files;
}
