import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isMissing } from '@shoal/files/error-code';
import { type Home, homeFiles, isNodeName, locateHome } from './home.ts';

/** The root of `install.sh`, if nothing else is set. */
const INSTALLED_ROOT = '.opengateway-poc';

/**
 * Returns the homes of this user's nodes: those of the environment, of the XDG folders and of `install.sh`. A home somewhere
 * else, named by another shell's `SHOAL_HOME`, is not found.
 */
export function listHomes(environment: NodeJS.ProcessEnv): readonly Home[] {
  const { SHOAL_HOME: _home, OPENGATEWAY_POC_ROOT: _root, ...usual } = environment;
  const installed = { SHOAL_HOME: join(environment['HOME'] ?? homedir(), INSTALLED_ROOT) };
  const homes = new Map<string, Home>();
  for (const root of [environment, usual, installed]) {
    const base = locateHome(root);
    for (const home of [base, ...nodeNames(base).map((name) => locateHome(root, name))]) {
      if (isUsed(home)) homes.set(home.data, home);
    }
  }
  return [...homes.values()];
}

function nodeNames({ config, state, data }: Home): readonly string[] {
  const names = [config, state, data].flatMap((folder) => entriesOf(join(folder, 'nodes')));
  return [...new Set(names)].filter(isNodeName).toSorted();
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** True if a node ran there or was configured. */
function isUsed(home: Home): boolean {
  const { identity, state, configurations } = homeFiles(home);
  return [identity, state, ...configurations].some((path) => existsSync(path));
}
