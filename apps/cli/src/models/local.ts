import { loadConfiguration } from '@shoal/host/configuration';
import { findModel, type LocalModel, modelPlaces, type ModelPlaces, type OwnModel } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** Where models are, by the home's configuration. */
export async function localPlaces({ home }: Context): Promise<ModelPlaces> {
  const { modelFolders } = await loadConfiguration(home, {});
  return modelPlaces(home, modelFolders);
}

const OWNERS = {
  shoal: 'Shoal',
  ollama: 'Ollama',
  'lm-studio': 'LM Studio',
  'hugging-face': 'Hugging Face cache',
} as const;

/** Whose a model is, or where its file lies. */
export function whereabouts(model: LocalModel): string {
  const { owner } = model;
  return owner === 'folder' || owner === 'file' ? printableName(model.path) : OWNERS[owner];
}

/** Throws where there is no such model, or where it is not ours to change: with what to do `instead`. */
export async function findOwn(
  context: Context,
  name: string,
  instead: (model: LocalModel) => string,
): Promise<OwnModel> {
  const model = await findModel(await localPlaces(context), name);
  if (model.owner === 'shoal') return model;
  throw CliError.usage(`"${name}" is not in Shoal's store (${whereabouts(model)}): ${instead(model)}`);
}
