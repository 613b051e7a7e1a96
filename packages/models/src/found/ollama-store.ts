import { join, relative, sep } from 'node:path';
import { ShoalError } from '@shoal/protocol';
import { hexOf } from '@shoal/files/digest';
import { LIBRARY, modelLayer } from '../sources/ollama.ts';
import { parseName } from '../store/name.ts';
import { foundModel, type FoundModel } from './found-model.ts';
import type { Scan } from './scan.ts';

const REGISTRY = 'registry.ollama.ai';

/** `manifests/HOST/OWNER/MODEL/TAG` names blobs by their digests (Ollama's server/modelpath.go). */
export async function findOllama(scan: Scan, folder: string): Promise<FoundModel[]> {
  const manifests = join(folder, 'manifests');
  const models: FoundModel[] = [];
  for await (const path of scan.files(manifests)) {
    const model = await readManifest(scan, folder, path, relative(manifests, path).split(sep));
    if (model !== undefined) models.push(model);
  }
  return models.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

async function readManifest(
  scan: Scan,
  folder: string,
  path: string,
  parts: readonly string[],
): Promise<FoundModel | undefined> {
  const [host, owner, model, tag, ...more] = parts;
  if (host === undefined || owner === undefined || model === undefined || tag === undefined || more.length > 0)
    return undefined;
  const manifest = await scan.json(path);
  if (manifest === undefined) return undefined;
  try {
    const home = host === REGISTRY ? [] : [host];
    const name = parseName([...home, ...(owner === LIBRARY ? [] : [owner]), `${model}:${tag}`].join('/'));
    const { digest } = modelLayer(manifest, name);
    const file = await scan.file(join(folder, 'blobs', `sha256-${hexOf(digest)}`));
    return file && foundModel('ollama', name, [file], digest);
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    scan.skip(path, error.message);
    return undefined;
  }
}
