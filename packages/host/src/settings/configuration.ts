import { hostname } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import { ShoalError } from '@shoal/protocol';
import type { DoorSettings } from './door-settings.ts';
import { parseJson, readOptional, readSecret } from '@shoal/files/read';
import { homeFiles, type Home } from '../home/home.ts';
import type { LogLevel } from '../log.ts';
import { withoutUndefined } from './without-undefined.ts';
import { type EngineName, parseSettings, type SettingName, type Settings } from './settings.ts';

const DEFAULT_API_PORT = 17_002;
const DEFAULT_QUEUE = 16;
/** As Ollama has it. */
const DEFAULT_KEEP_ALIVE = '5m';
const DEFAULT_MAX_TOKENS = 4_096;
/** The engine decides how many layers the graphics card takes. */
const AUTOMATIC_GPU_LAYERS = -1;

/** A model that is an engine: `--model echo` is `--engine echo`. */
const ECHO_MODEL = 'echo';

/** Everything a node is told, after flags, environment, file and defaults were put together. */
export interface Configuration {
  readonly name: string;
  readonly lend: boolean;
  readonly clusters: readonly string[];
  readonly bootstrap: readonly string[];
  readonly engine: EngineName;
  /** A GGUF file, or the name of a model. */
  readonly model?: string | undefined;
  readonly modelName?: string | undefined;
  /** More models to lend. */
  readonly otherModels?: readonly string[] | undefined;
  /** How long a model stays in memory after its last answer, as Ollama writes it. */
  readonly keepAlive: string | number;
  /** What all models in memory may take together, in GiB; absent: most of what there is. */
  readonly memoryBudget?: number | undefined;
  /** Folders of GGUF files, whose names are models too. */
  readonly modelFolders?: readonly string[] | undefined;
  readonly contextLength?: number | undefined;
  readonly gpuLayers: number;
  readonly threads?: number | undefined;
  /** Absent: the engine's own number. */
  readonly slots?: number | undefined;
  readonly queue: number;
  readonly maxTokens: number;
  /** 0 picks a free one. */
  readonly port: number;
  readonly paddedTopic: boolean;
  /** The doors to open, by name; each may be told more than that. */
  readonly doors: DoorSettings;
  /** Addresses of peers that are dialled without a DHT. */
  readonly peers: readonly string[];
  /** What peers at the WebSocket and TCP doors must know. */
  readonly doorToken?: string | undefined;
  /** What is shown to the peers that are dialled. */
  readonly peerToken?: string | undefined;
  /** The program of the engine `llama-server`. */
  readonly llamaServer?: string | undefined;
  readonly ollamaUrl?: string | undefined;
  /** Where the API of an OpenAI-compatible server begins. */
  readonly openaiUrl?: string | undefined;
  /** What that server asks for; a secret. */
  readonly openaiKey?: string | undefined;
  readonly logLevel: LogLevel;
}

/** Values of flags as they were typed; numbers may be text. */
export type Flags = { readonly [name in SettingName]?: unknown };

/** Environment variables, and the setting that each of them is. */
const VARIABLES: Readonly<Record<string, SettingName>> = {
  SHOAL_PORT: 'port',
  SHOAL_BOOTSTRAP: 'bootstrap',
  SHOAL_MODEL: 'model',
  NODE_NAME: 'name',
  POC_SERVE: 'lend',
  POC_CLUSTER_ID: 'clusters',
  GPU_LAYERS: 'gpuLayers',
  SHOAL_KEEP_ALIVE: 'keepAlive',
  SHOAL_LLAMA_SERVER: 'llamaServer',
  OLLAMA_HOST: 'ollamaUrl',
  OPENAI_BASE_URL: 'openaiUrl',
  OPENAI_API_KEY: 'openaiKey',
  SHOAL_WS_TOKEN: 'doorToken',
  SHOAL_PEER_TOKEN: 'peerToken',
};

/** What was said for this run alone, by flags or else by the environment: what a restart has to say again. */
export function launchSettings(flags: Flags, environment: NodeJS.ProcessEnv): Settings {
  const fromFlags = parseSettings(typed(flags), flagName);
  const fromEnvironment = environmentSettings(environment);
  const clusters = [...new Set([...(fromEnvironment.clusters ?? []), ...(fromFlags.clusters ?? [])])];
  const settings = { ...fromEnvironment, ...fromFlags, ...(clusters.length > 0 && { clusters }) };
  return withModelPath(settings, process.cwd());
}

/** Precedence: flags, environment, file, default; clusters, peers and doors are those of all three together. */
export async function loadConfiguration(home: Home, launch: Settings): Promise<Configuration> {
  const file = await fileSettings(home);
  const { clusters: _, peers: __, doors: ___, opengateway, ...said } = { ...file, ...withoutUndefined(launch) };
  return {
    name: home.node ?? hostname(),
    lend: false,
    bootstrap: [],
    engine: 'auto',
    gpuLayers: AUTOMATIC_GPU_LAYERS,
    keepAlive: DEFAULT_KEEP_ALIVE,
    queue: DEFAULT_QUEUE,
    maxTokens: DEFAULT_MAX_TOKENS,
    port: DEFAULT_API_PORT,
    logLevel: 'info',
    ...withoutUndefined(said),
    ...(said.model === ECHO_MODEL && { engine: 'echo' as const }),
    paddedTopic: opengateway?.paddedTopic ?? true,
    clusters: [...new Set([...(file.clusters ?? []), ...(launch.clusters ?? [])])],
    peers: [...new Set([...(file.peers ?? []), ...(launch.peers ?? [])])],
    doors: { ...withoutUndefined(launch.doors ?? {}), ...withoutUndefined(file.doors ?? {}) },
  };
}

async function fileSettings(home: Home): Promise<Settings> {
  const found: { path: string; text: string }[] = [];
  for (const path of homeFiles(home).configurations) {
    const text = await readOptional(path);
    if (text !== undefined) found.push({ path, text });
  }
  const [file, another] = found;
  if (file === undefined) return {};
  if (another !== undefined) {
    throw ShoalError.invalidRequest(`There are two configurations, ${file.path} and ${another.path}. Keep one.`);
  }
  const value = file.path.endsWith('.json') ? parseJson(file.path, file.text) : await parseYaml(file.path, file.text);
  // An empty YAML file is null: it says nothing.
  const settings = parseSettings(value ?? {}, (key) => (key === '' ? file.path : `${file.path}: "${key}"`));
  // What pays for others' answers is for its owner's eyes alone.
  if (settings.openaiKey !== undefined) await readSecret(file.path);
  return withModelPath(settings, dirname(file.path));
}

async function parseYaml(path: string, text: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(text);
  } catch (error) {
    const where = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new ShoalError('INVALID_REQUEST', `${path} is not valid YAML: ${where}`, { cause: error });
  }
}

function environmentSettings(environment: NodeJS.ProcessEnv): Settings {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const [variable, name] of Object.entries(VARIABLES)) {
    const text = environment[variable];
    if (text !== undefined && text !== '') values[name] = fromVariable(name, text);
  }
  const variableOf = (name: string): string =>
    Object.keys(VARIABLES).find((variable) => VARIABLES[variable] === name.split('.')[0]) ?? name;
  return parseSettings(typed(values), variableOf);
}

function fromVariable(name: SettingName, text: string): unknown {
  if (name === 'bootstrap') return text.split(',');
  if (name === 'clusters') return [text];
  if (name === 'lend' && (text === '1' || text === 'true')) return true;
  if (name === 'lend' && (text === '0' || text === 'false')) return false;
  return text;
}

/** Text that is a number becomes one, where the setting is a number; the schema judges the rest. */
function typed(values: Flags): Flags {
  const texts = new Set<string>([
    'name',
    'engine',
    'model',
    'modelName',
    'llamaServer',
    'ollamaUrl',
    'openaiUrl',
    'openaiKey',
    'doorToken',
    'peerToken',
    'logLevel',
  ]);
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const isNumber = !texts.has(name) && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value);
        return [name, isNumber ? Number(value) : value];
      }),
  );
}

/** `gpuLayers` is `--gpu-layers`; those that repeat are named in the singular. */
function flagName(path: string): string {
  const [name = path, part = ''] = path.split('.');
  if (name === 'clusters') return '--cluster';
  if (name === 'peers') return '--peer';
  if (name === 'otherModels') return '--other-model';
  if (name === 'doors') return `--door ${part}`.trimEnd();
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Files and folders are found from where they were named; another name of a model stays as it is, and so does a server's. */
function withModelPath(settings: Settings, folder: string): Settings {
  const { engine, model, otherModels, modelFolders, llamaServer } = settings;
  const asPath = (name: string) => (isModelPath(name) ? resolve(folder, name) : name);
  return {
    ...settings,
    ...(model !== undefined && engine !== 'openai' && { model: asPath(model) }),
    ...(otherModels !== undefined && { otherModels: otherModels.map(asPath) }),
    ...(llamaServer !== undefined && { llamaServer: resolve(folder, llamaServer) }),
    ...(modelFolders !== undefined && { modelFolders: modelFolders.map((each) => resolve(folder, each)) }),
  };
}

/** Whether a text that stands for a model is plainly a file, and no name. */
export function isModelPath(model: string): boolean {
  return /\.gguf$/i.test(model) || model.startsWith('.') || isAbsolute(model);
}
