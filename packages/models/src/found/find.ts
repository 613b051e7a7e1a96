import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { findInFolder, findLmStudio } from './folder.ts';
import type { FoundModel } from './found-model.ts';
import { findHuggingFaceCache } from './hugging-face-cache.ts';
import { findOllama } from './ollama-store.ts';
import { Scan, type Skipped } from './scan.ts';

export interface FindOptions {
  /** Where other programs keep theirs: `OLLAMA_MODELS`, `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's own folder. */
  readonly home?: string | undefined;
  /** Folders of GGUF files. */
  readonly folders?: readonly string[] | undefined;
}

/** Models that are on this machine without us, and the places that could not be looked at. Reads no model. */
export async function findModels(options: FindOptions): Promise<{ models: FoundModel[]; skipped: Skipped[] }> {
  const { environment, home = homedir(), folders = [] } = options;
  const searches: ((scan: Scan) => Promise<FoundModel[]>)[] = [
    (scan) => findOllama(scan, environment['OLLAMA_MODELS'] || join(home, '.ollama', 'models')),
    (scan) => findLmStudio(scan, join(home, '.lmstudio', 'models')),
    (scan) => findLmStudio(scan, join(home, '.cache', 'lm-studio', 'models')),
    (scan) => findHuggingFaceCache(scan, huggingFaceCache(environment, home)),
    ...folders.map((folder) => (scan: Scan) => findInFolder(scan, folder)),
  ];
  const models: FoundModel[] = [];
  const skipped: Skipped[] = [];
  for (const search of searches) {
    const scan = new Scan();
    models.push(...(await search(scan)));
    skipped.push(...scan.skipped);
  }
  return { models, skipped };
}

/** As huggingface_hub decides it (constants.py). */
function huggingFaceCache(environment: FindOptions['environment'], home: string): string {
  const { HF_HUB_CACHE: hub, HF_HOME: own, XDG_CACHE_HOME: cache } = environment;
  if (hub) return hub;
  if (own) return join(own, 'hub');
  return join(cache !== undefined && isAbsolute(cache) ? cache : join(home, '.cache'), 'huggingface', 'hub');
}
