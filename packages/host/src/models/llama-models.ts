import { defaultSlots, type LlamaModel, modelName as nameOfFile } from '@shoal/engine-llama';
import { inspectModel } from '@shoal/models';
import { ShoalError } from '@shoal/protocol/error';
import type { Home } from '../home/home.ts';
import type { Configuration } from '../settings/configuration.ts';
import { findModel, type LocalModel, modelPlaces } from './model-files.ts';
import { predictedBytes } from './predicted-memory.ts';
import { printableName } from '../printable.ts';

/**
 * Returns the models of a configuration, the default one first. `demo` returns the file of the demo model. Throws
 * `INVALID_REQUEST` for a missing or broken file or two models with one name, `MODEL_NOT_FOUND` if no model has a name.
 */
export async function chooseModels(
  choice: ModelChoice,
  home: Home,
  demo: () => string,
): Promise<[LlamaModel, ...LlamaModel[]]> {
  const { model, modelName, otherModels = [], modelFolders } = choice;
  const places = modelPlaces(home, modelFolders);
  const first = model === undefined ? { modelPath: demo() } : await describe(await findModel(places, model), choice);
  const others: LlamaModel[] = [];
  for (const other of otherModels) others.push(await describe(await findModel(places, other), choice));
  const models = [{ ...first, ...(modelName !== undefined && { name: modelName }) }, ...others] as const;
  const names = models.map(({ name, modelPath }) => name ?? nameOfFile(modelPath));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw ShoalError.invalidRequest(
      `Two of the models have the name ${twice}. List each once, or rename one with "shoal cp" or by its file name.`,
    );
  }
  return [...models];
}

/** A model that is given by its name keeps it. One that is given by its file, and the demo model, get the name of the file. */
async function describe(model: LocalModel, choice: ModelChoice): Promise<LlamaModel> {
  const about = await inspected(model);
  const { slots = defaultSlots(model.path) } = choice;
  return {
    modelPath: model.path,
    memoryBytes: predictedBytes(about, { ...choice, slots }),
    // The demo model's id, by which peers know it, is the name of its file.
    name: model.owner === 'demo' ? undefined : model.name,
    ...(model.owner === 'shoal' && { digest: model.digest }),
    ...(model.paths.length > 1 && { parts: model.paths }),
  };
}

/** Adds the path to the error for a broken file. */
async function inspected({ path, paths }: LocalModel): ReturnType<typeof inspectModel> {
  try {
    return await inspectModel(paths);
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error;
    throw new ShoalError(error.code, `${printableName(path)}: ${error.message}`, { cause: error });
  }
}

interface ModelChoice extends Partial<Configuration> {
  /** The largest context length if `contextLength` is undefined. */
  readonly contextLengthMax?: number | undefined;
}
