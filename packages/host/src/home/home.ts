import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { errorCode } from '@shoal/files/error-code';
import { existingFolder, makeFolder } from '@shoal/files/make-folder';
import { ShoalError } from '@shoal/protocol/error';

/** The first character is a letter or a digit, so that a name cannot lead out of `nodes/`. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The folder of a store of models, in a home and for all homes of a user. */
const MODELS = 'models';

/** The folders for a node's files. With `SHOAL_HOME` all three are the same. */
export interface Home {
  /** For files that people write. The node never changes them. */
  readonly config: string;
  /** For files that a run writes: clusters, peers, logs, the API's port. */
  readonly state: string;
  /** For files that must not be lost: the node's identity. */
  readonly data: string;
  /** The name given with `--node`. Undefined for the machine's default node. */
  readonly node?: string | undefined;
  /** The folder of the store of models, if it is not `models` in the home. */
  readonly models?: string | undefined;
}

/**
 * Returns the home of a node: `SHOAL_HOME`, else `OPENGATEWAY_POC_ROOT`, else the XDG folders. A named node uses `nodes/NAME`
 * in that home, so that several nodes run on one machine. Models are in `SHOAL_MODELS`, else in the store that all homes of the
 * user share; a home that has models of its own keeps them. Throws `INVALID_REQUEST` for a name that could lead elsewhere.
 */
export function locateHome(environment: NodeJS.ProcessEnv, node?: string): Home {
  if (node === undefined) return baseHome(environment);
  if (!isNodeName(node)) {
    throw ShoalError.invalidRequest(
      `"${node}" cannot name a node: 1 to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit.`,
    );
  }
  const { config, state, data, models } = baseHome(environment);
  const beneath = (folder: string): string => join(folder, 'nodes', node);
  return { config: beneath(config), state: beneath(state), data: beneath(data), node, ...(models && { models }) };
}

/** True for a name that `--node` accepts. */
export function isNodeName(name: string): boolean {
  return NODE_NAME.test(name);
}

function baseHome(environment: NodeJS.ProcessEnv): Home {
  const { SHOAL_MODELS: configured } = environment;
  const folders = baseFolders(environment);
  const models = configured ? resolve(configured) : sharedModels(folders, environment);
  return { ...folders, ...(models && { models }) };
}

function baseFolders(environment: NodeJS.ProcessEnv): Home {
  const folder = environment['SHOAL_HOME'] || environment['OPENGATEWAY_POC_ROOT'];
  if (folder !== undefined && folder !== '') {
    const path = resolve(folder);
    return { config: path, state: path, data: path };
  }
  return xdgFolders(environment, homedir());
}

function xdgFolders(environment: NodeJS.ProcessEnv, user: string): Home {
  const xdg = (variable: string, fallback: string): string => {
    const value = environment[variable];
    // The XDG specification: relative paths are ignored.
    return join(value !== undefined && isAbsolute(value) ? value : join(user, fallback), 'shoal');
  };
  return {
    config: xdg('XDG_CONFIG_HOME', '.config'),
    state: xdg('XDG_STATE_HOME', '.local/state'),
    data: xdg('XDG_DATA_HOME', '.local/share'),
  };
}

/**
 * Returns the folder of the models that all homes of this user share. Undefined if the home has models of its own, and where the
 * user has no folder of their own or may not create the store there.
 */
function sharedModels({ data }: Home, environment: NodeJS.ProcessEnv): string | undefined {
  const user = environment['HOME'] || environment['USERPROFILE'];
  if (!user) return undefined;
  const own = join(data, MODELS);
  const shared = join(xdgFolders(environment, user).data, MODELS);
  if (own === shared || hasModels(own)) return undefined;
  return existsSync(shared) || isWritable(existingFolder(shared)) ? shared : undefined;
}

/** True if a store has the name of a model. */
function hasModels(store: string): boolean {
  try {
    return readdirSync(join(store, 'names')).length > 0;
  } catch {
    // The store does not exist, or this user may not read it: commands that use it report that.
    return false;
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    // Asked for a folder that others may own: to be refused is an answer.
    return false;
  }
}

/** The paths of a home's files. */
export interface HomeFiles {
  /** The configuration is in one of these. */
  readonly configurations: readonly string[];
  readonly identity: string;
  /** The Server ID of a LocalLLM host that keeps it. */
  readonly serverId: string;
  readonly lock: string;
  readonly pid: string;
  readonly api: string;
  /** The tokens of the local API, as hashes. */
  readonly tokens: string;
  readonly tokensLock: string;
  readonly state: string;
  readonly peers: string;
  readonly resources: string;
  /** The settings of the node's last start, for `restart`. */
  readonly launch: string;
  readonly logs: string;
  readonly log: string;
  /** For measurements and caches of engines. */
  readonly cache: string;
  /** Engines that were built or downloaded. All nodes of a home share them. */
  readonly engines: string;
  /** The store of models. All homes of a user share it, unless they have models of their own or another `SHOAL_MODELS`. */
  readonly models: string;
  /** Conversations that were saved. All nodes of a home share them. */
  readonly conversations: string;
}

export function homeFiles(home: Home): HomeFiles {
  const logs = join(home.state, 'logs');
  const shared = home.node === undefined ? home.data : dirname(dirname(home.data));
  return {
    configurations: ['config.json', 'config.yaml', 'config.yml'].map((name) => join(home.config, name)),
    identity: join(home.data, 'identity'),
    serverId: join(home.data, 'server-id'),
    lock: join(home.state, 'lock'),
    pid: join(home.state, 'node.pid'),
    api: join(home.state, 'api.json'),
    tokens: join(home.data, 'tokens.json'),
    tokensLock: join(home.state, 'tokens.lock'),
    state: join(home.state, 'state.json'),
    peers: join(home.state, 'peers.json'),
    resources: join(home.state, 'resources.json'),
    launch: join(home.state, 'launch.json'),
    logs,
    log: join(logs, 'shoal.log'),
    cache: join(home.state, 'cache'),
    engines: join(shared, 'engines'),
    models: home.models ?? join(shared, MODELS),
    conversations: join(shared, 'conversations'),
  };
}

/** Creates the home's folders. Throws `INVALID_REQUEST` with the name of a folder that this user cannot write to. */
export function prepareHome(home: Home): void {
  for (const folder of new Set([home.config, home.state, home.data, homeFiles(home).logs])) {
    try {
      makeFolder(folder);
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new ShoalError(
        'INVALID_REQUEST',
        `The home ${folder} cannot be written (${errorCode(error)}). Set SHOAL_HOME to a folder that this user may write to.`,
        { cause: error },
      );
    }
  }
}
