import { API_PATHS, type StatusView } from '@shoal/node/api';
import { createEngine, findDemoModel } from '@shoal/host/engines';
import { prepareHome } from '@shoal/host/home';
import type { Logger } from '@shoal/host/log';
import { findModel, listModels, modelPlaces, openModelStore } from '@shoal/host/models';
import type { Configuration } from '@shoal/host/configuration';
import { isModelPath } from '@shoal/host/launch-settings';
import { printableName } from '@shoal/host/printable';
import { runsFiles } from '@shoal/host/settings';
import { isNamed } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { callNode } from '../node/api-client.ts';
import { CliError, EXIT, exitCodeOf } from '../cli-error.ts';
import { pullWithProgress } from '../commands/models/pull.ts';
import type { Context } from '../context.ts';
import { doorConfiguration } from '../door/door-worker.ts';
import { isMissing, NodeModel, LocalModel, type RunningModel } from './running-model.ts';

/** Matches a source to pull a model from, in contrast to a model’s name or path. */
const SOURCE = /^(?:https?:|file:|hf:|hf\.co\/|huggingface\.co\/)/i;

export interface ModelFlags {
  readonly contextLength?: string | undefined;
  readonly gpuLayers?: string | undefined;
  readonly threads?: string | undefined;
  /** Load the model in this command, even if a node lends it. */
  readonly here?: boolean | undefined;
}

/** A model that was found. */
export interface ModelChoice {
  /** Its name, or the path of its file. */
  readonly name: string;
  /** The node that lends it. Undefined: this command loads it. */
  readonly node?: string | undefined;
  /** Returns the paths of its files; empty if they are not known. */
  files(): Promise<readonly string[]>;
  /** Returns the model, not loaded yet. `contextLength`: in tokens; default: the flags. */
  open(contextLength?: number): Promise<RunningModel>;
}

interface ChooseOptions {
  readonly log: Logger;
  /** Cancels a pull. */
  readonly signal: AbortSignal;
}

/**
 * Finds the model of a name, file or source. Default: the node's, the configuration's or the demo model. A model that a node of
 * this machine lends is used there; any other is loaded by this command, and pulled first if it is not stored.
 */
export async function chooseModel(
  context: Context,
  name: string | undefined,
  flags: ModelFlags,
  { log, signal }: ChooseOptions,
): Promise<ModelChoice> {
  const { here = false, ...engineFlags } = flags;
  const isSource = name !== undefined && SOURCE.test(name);
  const configuration = await doorConfiguration(context, { ...(isSource ? {} : { model: name }), ...engineFlags });
  const mustBeLocal = here || Object.values(engineFlags).some((flag) => flag !== undefined);
  if (!mustBeLocal && !isSource) {
    const lent = await lentModel(context, configuration, name !== undefined);
    if (lent !== undefined) return lent;
  }
  prepareHome(context.home);
  if (isSource) return localChoice(context, configuration, log, await storedOrPulledModel(context, name, signal));
  if (!runsFiles(configuration.engine)) return otherEngine(context, configuration, log);
  if (configuration.model === undefined) return demoChoice(context, configuration, log);
  const files = await localModel(context, configuration, configuration.model, signal);
  return localChoice(context, configuration, log, files);
}

/** Returns the model that the local node lends; without a name its default model. Undefined if no node runs or lends it. */
async function lentModel(
  { home }: Context,
  { model: name, modelFolders }: Configuration,
  hasName: boolean,
): Promise<ModelChoice | undefined> {
  const status = await nodeStatus({ home });
  if (status === undefined || !status.lends) return undefined;
  const model = status.models.find((one) => !hasName || (name !== undefined && isNamed(one, name)));
  if (model === undefined) return undefined;
  return {
    name: model.id,
    node: printableName(status.name),
    files: async () => {
      const { models } = await listModels(modelPlaces(home, modelFolders));
      return models.find((one) => isNamed(model, one.name))?.paths ?? [];
    },
    open: async () => new NodeModel(home, model.id),
  };
}

/** Returns the status of the local node; undefined if none runs, or it is still starting. */
export async function nodeStatus({ home }: Pick<Context, 'home'>): Promise<StatusView | undefined> {
  try {
    return await callNode<StatusView>(home, 'GET', API_PATHS.status);
  } catch (error) {
    if (exitCodeOf(error) === EXIT.notRunning) return undefined;
    // A node that is starting does not lend yet.
    if (error instanceof ShoalError && error.code === 'OVERLOADED') return undefined;
    throw error;
  }
}

interface ModelFiles {
  readonly name: string;
  /** Value of the setting `model` for the engine. */
  readonly model: string;
  readonly paths: readonly string[];
}

async function localModel(
  context: Context,
  { modelFolders }: Configuration,
  name: string,
  signal: AbortSignal,
): Promise<ModelFiles> {
  try {
    const model = await findModel(modelPlaces(context.home, modelFolders), name);
    return { name: model.name ?? model.path, model: name, paths: model.paths };
  } catch (error) {
    if (isModelPath(name)) throw error instanceof ShoalError ? CliError.usage(error.message) : error;
    if (!isMissing(error)) throw error;
    if (/\s/.test(name))
      throw CliError.usage(`"${name}" is not the name of a model. Give the model first: shoal run MODEL "${name}"`);
    return storedOrPulledModel(context, name, signal);
  }
}

/** Returns the stored model of a source, or pulls it. */
async function storedOrPulledModel(context: Context, source: string, signal: AbortSignal): Promise<ModelFiles> {
  const known = (await (await openModelStore(context.home)).list()).find((model) => model.source === source);
  if (known !== undefined) return { name: known.name, model: known.name, paths: known.paths };
  process.stderr.write(`There is no model "${printableName(source)}" here: pulling it.\n`);
  const { name, paths } = await pullWithProgress(context, source, {}, signal);
  return { name, model: name, paths };
}

function localChoice(
  context: Context,
  configuration: Configuration,
  log: Logger,
  { name, model, paths }: ModelFiles,
): ModelChoice {
  return { name, files: async () => paths, open: opener(context, { ...configuration, model }, log) };
}

/** Returns the model of an engine that does not read model files, for example Ollama. */
function otherEngine(context: Context, configuration: Configuration, log: Logger): ModelChoice {
  const { engine, model } = configuration;
  return { name: model ?? engine, files: async () => [], open: opener(context, configuration, log) };
}

function demoChoice(context: Context, configuration: Configuration, log: Logger): ModelChoice {
  process.stderr.write('No model was given. Using the model "demo", a toy that does sums and small talk.\n');
  const path = findDemoModel();
  const files = async (): Promise<readonly string[]> => (path === undefined ? [] : [path]);
  return { name: 'demo', files, open: opener(context, configuration, log) };
}

/** Opens an engine with one slot, because a conversation needs one answer at a time. */
function opener({ home }: Context, configuration: Configuration, log: Logger): ModelChoice['open'] {
  return async (contextLength) => {
    const choice = { ...configuration, slots: 1, ...(contextLength !== undefined && { contextLength }) };
    return new LocalModel(await createEngine(choice, home, log));
  };
}
