import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { FOLDER_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol';

/** Letters, digits, dot, dash and underscore, the first a letter or a digit: nothing that leads out of `nodes/`. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Where one node keeps its files. With `SHOAL_HOME` all three folders are the same one. */
export interface Home {
  /** What people write: read, never changed. */
  readonly config: string;
  /** What a run leaves behind: what was joined, who was met, logs, the API's port. */
  readonly state: string;
  /** What must last: who this node is. */
  readonly data: string;
  /** The name given with `--node`; absent for the machine's own node. */
  readonly node?: string | undefined;
}

/**
 * `SHOAL_HOME`, else `OPENGATEWAY_POC_ROOT`, else the XDG folders. A node's name leads to `nodes/NAME` beneath, so that
 * several nodes run on one machine. Throws `INVALID_REQUEST` for a name that could lead elsewhere.
 */
export function locateHome(environment: NodeJS.ProcessEnv, node?: string): Home {
  if (node === undefined) return baseHome(environment);
  if (!NODE_NAME.test(node)) {
    throw ShoalError.invalidRequest(
      `"${node}" cannot name a node: 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.`,
    );
  }
  const { config, state, data } = baseHome(environment);
  const beneath = (folder: string): string => join(folder, 'nodes', node);
  return { config: beneath(config), state: beneath(state), data: beneath(data), node };
}

function baseHome(environment: NodeJS.ProcessEnv): Home {
  const folder = environment['SHOAL_HOME'] || environment['OPENGATEWAY_POC_ROOT'];
  if (folder !== undefined && folder !== '') {
    const path = resolve(folder);
    return { config: path, state: path, data: path };
  }
  const xdg = (variable: string, fallback: string): string => {
    const value = environment[variable];
    // The XDG rules: a relative path is to be ignored.
    return join(value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback), 'shoal');
  };
  return {
    config: xdg('XDG_CONFIG_HOME', '.config'),
    state: xdg('XDG_STATE_HOME', '.local/state'),
    data: xdg('XDG_DATA_HOME', '.local/share'),
  };
}

/** The files of a home, by what they hold. */
export interface HomeFiles {
  /** Any one of these is the configuration. */
  readonly configurations: readonly string[];
  readonly identity: string;
  /** Where LocalLLM clients find this host, if that is to last. */
  readonly serverId: string;
  readonly lock: string;
  readonly pid: string;
  readonly api: string;
  readonly state: string;
  readonly peers: string;
  readonly resources: string;
  /** What the node was last started with, for `restart`. */
  readonly launch: string;
  readonly logs: string;
  readonly log: string;
  /** What engines measured and remember. */
  readonly cache: string;
  /** Engines that were built or brought here, which all nodes of a home share. */
  readonly engines: string;
  /** The store of models, which all nodes of a home share. */
  readonly models: string;
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
    state: join(home.state, 'state.json'),
    peers: join(home.state, 'peers.json'),
    resources: join(home.state, 'resources.json'),
    launch: join(home.state, 'launch.json'),
    logs,
    log: join(logs, 'shoal.log'),
    cache: join(home.state, 'cache'),
    engines: join(shared, 'engines'),
    models: join(shared, 'models'),
  };
}

/** Makes the home's folders. Throws `INVALID_REQUEST` that names the folder where this user cannot write. */
export function prepareHome(home: Home): void {
  for (const folder of new Set([home.config, home.state, home.data, homeFiles(home).logs])) {
    try {
      mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
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

/** The folder itself, or the nearest one above it that is there: where it would be made. */
export function existingFolder(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : existingFolder(dirname(folder));
}
