import { loadConfiguration } from '@shoal/host/configuration';
import { findModel, type LocalModel, modelPlaces, type ModelPlaces, type OwnModel } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** The places of models on this machine, by the home's configuration. */
export async function localPlaces({ home }: Context): Promise<ModelPlaces> {
  const { modelFolders } = await loadConfiguration(home, {});
  return modelPlaces(home, modelFolders);
}

const OWNERS = {
  shoal: 'Shoal',
  demo: 'comes with Shoal',
  ollama: 'Ollama',
  'lm-studio': 'LM Studio',
  'hugging-face': 'Hugging Face cache',
} as const;

/** The program that a model belongs to, or the path of its file. */
export function locationOf(model: LocalModel): string {
  const { owner } = model;
  return owner === 'folder' || owner === 'file' ? printableName(model.path) : OWNERS[owner];
}

/** Finds a model of Shoal's store. Throws if it does not exist or belongs to another program, with the text of `advice`. */
export async function findStoredModel(
  context: Context,
  name: string,
  advice: (model: LocalModel) => string,
): Promise<OwnModel> {
  const model = await findModel(await localPlaces(context), name);
  if (model.owner === 'shoal') return model;
  throw CliError.usage(`"${name}" is not in Shoal's store (${locationOf(model)}): ${advice(model)}`);
}
