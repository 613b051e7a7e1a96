import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { findInFolder, findLmStudio } from './folder.ts';
import type { ExternalModel } from './external-model.ts';
import { findHuggingFaceCache } from './hugging-face-cache.ts';
import { findOllama } from './ollama-store.ts';
import { FolderScan, type SkippedPath } from './folder-scan.ts';

export interface ExternalModelOptions {
  /** May set the folders of other programs: `OLLAMA_MODELS`, `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's home folder. */
  readonly home?: string | undefined;
  /** More folders with GGUF files. */
  readonly folders?: readonly string[] | undefined;
}

/** Finds the models of other programs on this machine, and the paths that could not be read. Does not open model files. */
export async function findExternalModels(
  options: ExternalModelOptions,
): Promise<{ models: ExternalModel[]; skipped: SkippedPath[] }> {
  const { environment, home = homedir(), folders = [] } = options;
  const searches: ((scan: FolderScan) => Promise<ExternalModel[]>)[] = [
    (scan) => findOllama(scan, environment['OLLAMA_MODELS'] || join(home, '.ollama', 'models')),
    (scan) => findLmStudio(scan, join(home, '.lmstudio', 'models')),
    (scan) => findLmStudio(scan, join(home, '.cache', 'lm-studio', 'models')),
    (scan) => findHuggingFaceCache(scan, huggingFaceCache(environment, home)),
    ...folders.map((folder) => (scan: FolderScan) => findInFolder(scan, folder)),
  ];
  const models: ExternalModel[] = [];
  const skipped: SkippedPath[] = [];
  for (const search of searches) {
    const scan = new FolderScan();
    models.push(...(await search(scan)));
    skipped.push(...scan.skipped);
  }
  return { models, skipped };
}

/** The cache folder as huggingface_hub determines it (constants.py). */
function huggingFaceCache(environment: ExternalModelOptions['environment'], home: string): string {
  const { HF_HUB_CACHE: hub, HF_HOME: own, XDG_CACHE_HOME: cache } = environment;
  if (hub) return hub;
  if (own) return join(own, 'hub');
  return join(cache !== undefined && isAbsolute(cache) ? cache : join(home, '.cache'), 'huggingface', 'hub');
}
