import { API_PATHS, type StatusView } from '@shoal/node/api';
import { createEngine, findDemoModel } from '@shoal/host/engines';
import { prepareHome } from '@shoal/host/home';
import type { Logger } from '@shoal/host/log';
import { findModel, listModels, modelPlaces, openModelStore } from '@shoal/host/models';
import type { Configuration } from '@shoal/host/configuration';
import { isModelPath } from '@shoal/host/launch-settings';
import { printableName } from '@shoal/host/printable';
import { runsFiles } from '@shoal/host/settings';
import { isNamed, ShoalError } from '@shoal/protocol';
import { callNode } from '../node/api-client.ts';
import { CliError, EXIT, exitCodeOf } from '../cli-error.ts';
import { pullWithProgress } from '../commands/models/pull.ts';
import type { Context } from '../context.ts';
import { doorConfiguration } from '../door/door-worker.ts';
import { isMissing, NodeModel, OwnModel, type RunningModel } from './running-model.ts';

/** What says where a model comes from, and is no name of one that is here. */
const SOURCE = /^(?:https?:|file:|hf:|hf\.co\/|huggingface\.co\/)/i;

export interface ModelFlags {
  readonly contextLength?: string | undefined;
  readonly gpuLayers?: string | undefined;
  readonly threads?: string | undefined;
  /** Load it in this command, whatever a node has. */
  readonly here?: boolean | undefined;
}

/** A model that was found, and how it is made to run. */
export interface ModelChoice {
  /** What finds it again: its name, or its file. */
  readonly name: string;
  /** The node that lends it; undefined where this command loads it. */
  readonly node?: string | undefined;
  /** Its files; empty where they are not known. */
  files(): Promise<readonly string[]>;
  /** Nothing is loaded yet. `contextLength` in tokens; absent: as the flags say. */
  open(contextLength?: number): Promise<RunningModel>;
}

interface Choosing {
  readonly log: Logger;
  /** Ends a pull. */
  readonly signal: AbortSignal;
}

/**
 * The model of a name, file or source; without one the node's, the configuration's or the demo model. One that a node of this
 * machine lends is asked there, any other is loaded by this command, and what is nowhere is pulled.
 */
export async function chooseModel(
  context: Context,
  name: string | undefined,
  flags: ModelFlags,
  { log, signal }: Choosing,
): Promise<ModelChoice> {
  const { here = false, ...engineFlags } = flags;
  const isSource = name !== undefined && SOURCE.test(name);
  const configuration = await doorConfiguration(context, { ...(isSource ? {} : { model: name }), ...engineFlags });
  const mustBeOurs = here || Object.values(engineFlags).some((flag) => flag !== undefined);
  if (!mustBeOurs && !isSource) {
    const lent = await lentModel(context, configuration, name !== undefined);
    if (lent !== undefined) return lent;
  }
  prepareHome(context.home);
  if (isSource) return ownChoice(context, configuration, log, await broughtModel(context, name, signal));
  if (!runsFiles(configuration.engine)) return otherEngine(context, configuration, log);
  if (configuration.model === undefined) return demoChoice(context, configuration, log);
  const files = await localModel(context, configuration, configuration.model, signal);
  return ownChoice(context, configuration, log, files);
}

/** The node's default model without a name. Undefined where no node runs, or none that lends it. */
async function lentModel(
  { home }: Context,
  { model: name, modelFolders }: Configuration,
  isNamedOne: boolean,
): Promise<ModelChoice | undefined> {
  const status = await nodeStatus({ home });
  if (status === undefined || !status.lends) return undefined;
  const model = status.models.find((one) => !isNamedOne || (name !== undefined && isNamed(one, name)));
  if (model === undefined) return undefined;
  return {
    name: model.id,
    node: printableName(status.name),
    files: async () => {
      const { models } = await listModels(modelPlaces(home, modelFolders));
      return models.find((one) => one.name === model.id)?.paths ?? [];
    },
    open: async () => new NodeModel(home, model.id),
  };
}

/** Undefined where no node runs, or one is still starting. */
export async function nodeStatus({ home }: Pick<Context, 'home'>): Promise<StatusView | undefined> {
  try {
    return await callNode<StatusView>(home, 'GET', API_PATHS.status);
  } catch (error) {
    if (exitCodeOf(error) === EXIT.notRunning) return undefined;
    // One that is still starting lends nothing yet.
    if (error instanceof ShoalError && error.code === 'OVERLOADED') return undefined;
    throw error;
  }
}

interface Files {
  readonly name: string;
  /** What the engine is told. */
  readonly model: string;
  readonly paths: readonly string[];
}

async function localModel(
  context: Context,
  { modelFolders }: Configuration,
  name: string,
  signal: AbortSignal,
): Promise<Files> {
  try {
    const model = await findModel(modelPlaces(context.home, modelFolders), name);
    return { name: model.name ?? model.path, model: name, paths: model.paths };
  } catch (error) {
    if (isModelPath(name)) throw error instanceof ShoalError ? CliError.usage(error.message) : error;
    if (!isMissing(error)) throw error;
    if (/\s/.test(name))
      throw CliError.usage(`"${name}" is no model’s name. MODEL comes first: shoal run MODEL "${name}"`);
    return broughtModel(context, name, signal);
  }
}

/** Of the store, where it was pulled from there before; otherwise it is pulled. */
async function broughtModel(context: Context, source: string, signal: AbortSignal): Promise<Files> {
  const known = (await (await openModelStore(context.home)).list()).find((model) => model.source === source);
  if (known !== undefined) return { name: known.name, model: known.name, paths: known.paths };
  process.stderr.write(`There is no model "${printableName(source)}" here: pulling it.\n`);
  const { name, paths } = await pullWithProgress(context, source, {}, signal);
  return { name, model: name, paths };
}

function ownChoice(
  context: Context,
  configuration: Configuration,
  log: Logger,
  { name, model, paths }: Files,
): ModelChoice {
  return { name, files: async () => paths, open: opener(context, { ...configuration, model }, log) };
}

/** An engine that knows its models itself. */
function otherEngine(context: Context, configuration: Configuration, log: Logger): ModelChoice {
  const { engine, model } = configuration;
  return { name: model ?? engine, files: async () => [], open: opener(context, configuration, log) };
}

function demoChoice(context: Context, configuration: Configuration, log: Logger): ModelChoice {
  process.stderr.write('No model was named: this is the demo model, a toy that does sums and small talk.\n');
  const path = findDemoModel();
  const files = async (): Promise<readonly string[]> => (path === undefined ? [] : [path]);
  return { name: path ?? 'shoal-demo', files, open: opener(context, configuration, log) };
}

/** One answer at a time is all that a conversation needs. */
function opener({ home }: Context, configuration: Configuration, log: Logger): ModelChoice['open'] {
  return async (contextLength) => {
    const choice = { ...configuration, slots: 1, ...(contextLength !== undefined && { contextLength }) };
    return new OwnModel(await createEngine(choice, home, log));
  };
}
