import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  partFileNames,
  findExternalModels,
  type ExternalModelOptions,
  type ExternalModel,
  ModelStore,
  type SkippedPath,
  type StoredModel,
} from '@shoal/models';
import { ShoalError } from '@shoal/protocol/error';
import { isModelPath } from '../settings/launch-settings.ts';
import { homeFiles, type Home } from '../home/home.ts';
import { type DemoModel, demoModel, isDemoModel } from './demo-model.ts';

export { isDemoModel };

/** The most names that an error lists. */
const NAMED_MODELS = 20;
const DEFAULT_TAG = ':latest';
/** Two other ways to write `hf.co/`, the start of a Hugging Face model's name. */
const HUGGING_FACE = /^(?:hf:|huggingface\.co\/)/;

/** The places of this machine's models. */
export interface ModelPlaces {
  readonly home: Home;
  /** The places of other programs. */
  readonly others: ExternalModelOptions;
}

/** Returns the places of models for this process's environment. `folders` contain GGUF files. */
export function modelPlaces(home: Home, folders: readonly string[] = []): ModelPlaces {
  return { home, others: { environment: process.env, folders } };
}

/** A model of Shoal's store. */
export interface OwnModel extends StoredModel {
  readonly owner: 'shoal';
}

/** A file that was given by its path. */
export interface ModelFile {
  readonly owner: 'file';
  readonly name?: undefined;
  readonly path: string;
  /** All parts in order. */
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** A model that an engine can load, of Shoal or another program. */
export type LocalModel = NamedModel | ModelFile;
export type NamedModel = OwnModel | ExternalModel | DemoModel;

export function openModelStore(home: Home): Promise<ModelStore> {
  return ModelStore.open(homeFiles(home).models);
}

/**
 * Returns all models with a name, those of Shoal's store first and the demo model last, unless another has its name. Also
 * returns the places that could not be read. Creates no folder.
 */
export async function listModels({ home, others }: ModelPlaces): Promise<{
  readonly models: readonly NamedModel[];
  readonly skipped: readonly SkippedPath[];
}> {
  const own = await ownModels(home);
  const { models, skipped } = await findExternalModels(others);
  return { models: withDemo([...own, ...models]), skipped };
}

/**
 * Returns the model with a name or digest, Shoal's before those of other programs, or the file at a path. A name comes before
 * a file of that name; `./NAME` is the file. `demo` is the demo model, unless another has that name. Throws `MODEL_NOT_FOUND` with a list of models, `INVALID_REQUEST` for a missing
 * file.
 */
export async function findModel(places: ModelPlaces, text: string): Promise<LocalModel> {
  if (isModelPath(text)) return modelFile(text);
  const own = await ownModels(places.home);
  const ours = own.find((model) => isCalled(model, text));
  if (ours !== undefined) return ours;
  const { models } = await findExternalModels(places.others);
  const others = models.find((model) => isCalled(model, text));
  if (others !== undefined) return others;
  const demo = isDemoModel(text) ? demoModel() : undefined;
  if (demo !== undefined) return demo;
  if (existsSync(text)) return modelFile(text);
  throw notFound(
    text,
    withDemo([...own, ...models]).map(({ name }) => name),
  );
}

/** Adds the demo model, unless another model has its name. */
function withDemo(models: readonly (OwnModel | ExternalModel)[]): readonly NamedModel[] {
  const demo = demoModel();
  if (demo === undefined || models.some((model) => isCalled(model, demo.name))) return models;
  return [...models, demo];
}

async function ownModels(home: Home): Promise<OwnModel[]> {
  if (!existsSync(homeFiles(home).models)) return [];
  const models = await (await openModelStore(home)).list();
  return models.map((model) => ({ ...model, owner: 'shoal' }));
}

/** Returns all files of a model in order, given one of them. */
export function partsOf(path: string): readonly string[] {
  return partFileNames(basename(path)).map((file) => join(dirname(path), file));
}

async function modelFile(text: string): Promise<ModelFile> {
  const named = resolve(text);
  const paths = partsOf(named);
  let bytes = 0;
  for (const path of paths) {
    if (!existsSync(path)) throw ShoalError.invalidRequest(`There is no model file ${path}.`);
    const found = await stat(path);
    if (!found.isFile()) throw ShoalError.invalidRequest(`${path} is not a file. Name a GGUF file.`);
    bytes += found.size;
  }
  return { owner: 'file', path: paths[0] ?? named, paths, bytes };
}

/** Ignores case. The tag `latest` may be left out. */
function isCalled(model: OwnModel | ExternalModel, text: string): boolean {
  const digest = model.owner === 'shoal' ? model.digest : model.claimedDigest;
  const wanted = text.toLowerCase().replace(HUGGING_FACE, 'hf.co/');
  const name = model.name.toLowerCase();
  return digest === text || name === wanted || name === `${wanted}${DEFAULT_TAG}`;
}

function notFound(text: string, names: readonly string[]): ShoalError {
  const more = names.length > NAMED_MODELS ? ` and ${names.length - NAMED_MODELS} more` : '';
  const known =
    names.length === 0 ? 'there are none yet' : `there are: ${names.slice(0, NAMED_MODELS).join(', ')}${more}`;
  return new ShoalError(
    'MODEL_NOT_FOUND',
    `No model "${text}" here; ${known}. "shoal pull" downloads one, and a file can be given by its path.`,
  );
}
