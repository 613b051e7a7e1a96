import { join, relative, sep } from 'node:path';
import { ShoalError } from '@shoal/protocol/error';
import { hexOf } from '@shoal/files/digest';
import { LIBRARY, modelLayer } from '../sources/ollama.ts';
import { parseName } from '../store/name.ts';
import { externalModel, type ExternalModel } from './external-model.ts';
import type { FolderScan } from './folder-scan.ts';

const REGISTRY = 'registry.ollama.ai';

/** Finds Ollama's models: `manifests/HOST/OWNER/MODEL/TAG` lists blobs by digest (Ollama's server/modelpath.go). */
export async function findOllama(scan: FolderScan, folder: string): Promise<ExternalModel[]> {
  const manifests = join(folder, 'manifests');
  const models: ExternalModel[] = [];
  for await (const path of scan.files(manifests)) {
    const model = await readManifest(scan, folder, path, relative(manifests, path).split(sep));
    if (model !== undefined) models.push(model);
  }
  return models.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

async function readManifest(
  scan: FolderScan,
  folder: string,
  path: string,
  parts: readonly string[],
): Promise<ExternalModel | undefined> {
  const [host, owner, model, tag, ...more] = parts;
  if (host === undefined || owner === undefined || model === undefined || tag === undefined || more.length > 0)
    return undefined;
  const manifest = await scan.json(path);
  if (manifest === undefined) return undefined;
  try {
    const prefix = host === REGISTRY ? [] : [host];
    const name = parseName([...prefix, ...(owner === LIBRARY ? [] : [owner]), `${model}:${tag}`].join('/'));
    const { digest } = modelLayer(manifest, name);
    const file = await scan.file(join(folder, 'blobs', `sha256-${hexOf(digest)}`));
    return file && externalModel('ollama', name, [file], digest);
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    scan.skip(path, error.message);
    return undefined;
  }
}
