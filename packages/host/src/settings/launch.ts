import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '../home/home.ts';
import { parseSettings, type Settings } from './settings.ts';

/**
 * Keeps what a node was started with. Clusters are not part of it: the state has those, and they may be left later. Nor are
 * the tokens and the key, which are secrets: the environment or the configuration has them.
 */
export function saveLaunch(home: Home, launch: Settings): Promise<void> {
  const { clusters: _, doorToken: __, peerToken: ___, openaiKey: ____, ...rest } = launch;
  return writeJson(homeFiles(home).launch, rest);
}

/** What the node of this home was last started with; nothing where it never was. */
export async function readLaunch(home: Home): Promise<Settings> {
  const path = homeFiles(home).launch;
  return parseSettings((await readJson(path)) ?? {}, (key) => `${path}: "${key}"`);
}

/** Settings as the flags of `shoal serve` that say the same. */
export function launchFlags(launch: Settings): string[] {
  const {
    lend,
    clusters = [],
    bootstrap = [],
    doors = {},
    peers = [],
    name,
    engine,
    model,
    otherModels = [],
    keepAlive,
    memoryBudget,
    port,
    gpuLayers,
    threads,
    slots,
    queue,
    maxTokens,
    openaiUrl,
  } = launch;
  const numbers = {
    'memory-budget': memoryBudget,
    port,
    'gpu-layers': gpuLayers,
    threads,
    slots,
    queue,
    'max-tokens': maxTokens,
  };
  const values = { name, engine, model, 'keep-alive': keepAlive, 'openai-url': openaiUrl, ...numbers };
  return [
    ...(lend === undefined ? [] : [lend ? '--lend' : '--no-lend']),
    ...clusters.map((id) => `--cluster=${id}`),
    ...bootstrap.map((address) => `--bootstrap=${address}`),
    ...Object.keys(doors).map((door) => `--door=${door}`),
    ...peers.map((address) => `--peer=${address}`),
    ...otherModels.map((other) => `--other-model=${other}`),
    ...Object.entries(values).flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}=${value}`])),
  ];
}
