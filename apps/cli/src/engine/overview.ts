import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { childEnvironment } from '@shoal/engine/child-process/environment';
import type { Configuration } from '@shoal/host/configuration';
import { createEngine, findDemoModel } from '@shoal/host/engines';
import { locateLlamaServer, readBuild } from '@shoal/host/engines/places';
import { installedGpuPackages, type PackagedGpu } from '@shoal/host/engines/gpu-package';
import type { Home } from '@shoal/host/home';
import { chooseLlama, type LlamaChoice } from '@shoal/host/engines/llama-choice';
import { createLogger } from '@shoal/host/log';
import { findModel, modelPlaces } from '@shoal/host/models';
import { findLlama } from '@shoal/host/engines/packages';
import { type Trial, tryLlama } from '@shoal/host/engines/trial';
import { type EngineName, runsFiles } from '@shoal/host/settings';
import { ShoalError } from '@shoal/protocol/error';

const VERSION_TIMEOUT_MS = 5_000;

/** The state of one engine in this installation. */
export interface EngineOverview {
  readonly name: string;
  readonly isHere: boolean;
  readonly about: string;
  readonly version?: string | undefined;
  readonly path?: string | undefined;
  /** Compute backends of the engine llama. */
  readonly backends?: readonly string[] | undefined;
  /** The outcome of an answer with each package for a GPU. */
  readonly tried?: readonly TriedGpu[] | undefined;
  /** The types of the models that a llama-server ran before it was kept. */
  readonly triedModels?: readonly string[] | undefined;
}

interface TriedGpu {
  readonly gpu: PackagedGpu;
  readonly works: boolean;
  readonly why?: string | undefined;
  readonly remedy?: string | undefined;
}

/** The engine that a node would use, and the reason. */
export interface ChosenEngine {
  readonly engine: string;
  readonly model?: string | undefined;
  readonly why: string;
}

/** Every engine, and the function that describes it. The type checker demands an entry for each engine of the settings. */
const OVERVIEWS: {
  readonly [Name in Exclude<EngineName, 'auto'>]: (home: Home, configuration: Configuration) => Promise<EngineOverview>;
} = {
  llama,
  'llama-server': llamaServer,
  ollama,
  openai: async (_home, configuration) => openAi(configuration),
  echo: async () => ({ name: 'echo', isHere: true, about: 'repeats the prompt, for tests' }),
};

export function overview(home: Home, configuration: Configuration): Promise<readonly EngineOverview[]> {
  return Promise.all(Object.values(OVERVIEWS).map((describe) => describe(home, configuration)));
}

/** Returns the engine that a node would use. Throws the reason if it cannot be used. */
export async function chosenEngine(home: Home, configuration: Configuration): Promise<ChosenEngine> {
  const { engine, model } = configuration;
  if (!runsFiles(engine)) return { engine, model, why: 'it is configured' };
  const path = await modelPath(home, configuration);
  const choice = await chooseLlama(home, configuration, path);
  return { engine: choice.engine, model: path, why: reason(choice) };
}

/** Returns the file of the configured model. Default: the demo model. */
export async function modelPath(home: Home, { model, modelFolders }: Configuration): Promise<string | undefined> {
  if (model === undefined) return findDemoModel();
  return (await findModel(modelPlaces(home, modelFolders), model)).path;
}

function reason({ engine, why, ...choice }: LlamaChoice): string {
  switch (why) {
    case 'configured':
      return 'it is configured';
    case 'only one':
      return engine === 'llama'
        ? 'there is no llama-server; "shoal engine build" makes one'
        : 'llama.cpp is not installed for this processor';
    case 'not measured':
      return 'the speed of llama-server is not measured yet: shoal engine measure';
    case 'measured': {
      const { measurement } = choice;
      if (measurement === undefined) return 'it was measured';
      const { llama: ours, llamaServer: theirs, measuredAt } = measurement;
      const figures = `llama ${ours.toFixed(1)}, llama-server ${theirs.toFixed(1)} tokens/s`;
      return `measured on ${measuredAt.slice(0, 10)}: ${figures}`;
    }
    default:
      return why satisfies never;
  }
}

/** Makes the engine answer on each GPU with a package, one after the other: together they may not fit into its memory. */
async function llama(home: Home): Promise<EngineOverview> {
  const name = 'llama';
  const { binary } = findLlama();
  if (binary === undefined) return { name, isHere: false, about: 'there is no binary for this platform' };
  const isMetal = process.platform === 'darwin' && process.arch === 'arm64';
  const tried: TriedGpu[] = [];
  for (const one of installedGpuPackages(home)) tried.push(describeTrial(one.gpu, await tryLlama(one)));
  const works = tried.filter((one) => one.works).map(({ gpu }) => gpu);
  const backends = [...works, ...(isMetal ? ['metal'] : []), 'cpu'];
  const failures = tried.filter((one) => !one.works).map(({ gpu, why }) => `; ${gpu} does not work: ${why}`);
  const about = `llama.cpp in the Node process; backends: ${backends.join(', ')}${failures.join('')}`;
  return { name, isHere: true, about, version: binary.version, backends, tried };
}

function describeTrial(gpu: PackagedGpu, trial: Trial): TriedGpu {
  return trial.works ? { gpu, works: true } : { gpu, works: false, why: trial.why, remedy: trial.remedy };
}

async function llamaServer(home: Home, { llamaServer: configured }: Configuration): Promise<EngineOverview> {
  const name = 'llama-server';
  try {
    const found = locateLlamaServer(home, configured);
    if (found === undefined) {
      return { name, isHere: false, about: 'none found; "shoal engine build" makes one' };
    }
    const { path, by } = found;
    const version = await versionOf(path);
    if (version === undefined) return { name, isHere: false, about: `${path} does not run`, path };
    const ways = { configuration: 'configured', home: 'built here', PATH: 'found in PATH' };
    const triedModels = readBuild(dirname(path))?.tried;
    const ran = triedModels === undefined ? 'not tried with models' : `it ran ${triedModels.join(', ')} models`;
    const about = `llama.cpp’s own server, ${ways[by]}, ${ran}: ${path}`;
    return { name, isHere: true, about, version, path, triedModels };
  } catch (error) {
    if (error instanceof ShoalError) return { name, isHere: false, about: error.message };
    throw error;
  }
}

async function ollama(home: Home, configuration: Configuration): Promise<EngineOverview> {
  const name = 'ollama';
  const { ollamaUrl, gpuLayers } = configuration;
  const choice = { engine: 'ollama', gpuLayers, ollamaUrl } as const;
  try {
    const engine = await createEngine(choice, home, createLogger('error'));
    try {
      const models = await engine.models();
      return { name, isHere: true, about: `answers, with ${models.length} models` };
    } finally {
      await engine.close();
    }
  } catch (error) {
    if (error instanceof ShoalError) return { name, isHere: false, about: error.message };
    throw error;
  }
}

function openAi({ openaiUrl }: Configuration): EngineOverview {
  const name = 'openai';
  return openaiUrl === undefined
    ? { name, isHere: false, about: 'no server is configured (openaiUrl, OPENAI_BASE_URL)' }
    : { name, isHere: true, about: `the server at ${openaiUrl}` };
}

/** Parses `version: 0.5.0-dev (build 1, commit de3ff81)`. Undefined if the program does not run. */
function versionOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = {
      timeout: VERSION_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      env: childEnvironment('llama-server'),
    } as const;
    execFile(path, ['--version'], options, (error, stdout, stderr) => {
      const [, version] = /^version: (.+)$/m.exec(`${stdout}\n${stderr}`) ?? [];
      resolve(error === null ? (version ?? 'unknown') : undefined);
    });
  });
}
