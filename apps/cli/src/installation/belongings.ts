import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { homeFiles, locateHome, type Home } from '@shoal/host/home';
import type { Installation } from './installation.ts';

/** The other contents of a home, beside the files of `homeFiles`: compiled code, conversations, and the ids of QMesh workers. */
const OTHER_ENTRIES =
  /^(?:compile-cache|conversations|run-history\.json|\.?worker-id(?:-\d+)?\.(?:txt|txt\.lock|lock)|.*\.tmp)$/;
/** The contents of a store of models. Its folder may be one of the user. */
const STORE_ENTRIES = ['blobs', 'names', 'parts', 'locks'];
/** The entries that `scripts/install.sh` creates in its root. */
const SCRIPT_ENTRIES = ['app', 'bin', 'node', 'npm', 'install.log', '.lock', 'nodes/.default'];
const SCRIPT_COMMANDS = ['shoal', 'opengateway', 'og'];

/** A file or folder that belongs to Shoal. */
export interface Belonging {
  readonly kind: 'home' | 'models' | 'engines' | 'program' | 'link';
  readonly path: string;
  readonly bytes: number;
}

/** The homes of this user's nodes in one place: the base, then each named node. */
export function homesOf(environment: NodeJS.ProcessEnv): readonly Home[] {
  const base = locateHome(environment);
  const parents = new Set([base.config, base.state, base.data].map((folder) => join(folder, 'nodes')));
  const names = new Set([...parents].flatMap((folder) => foldersIn(folder)));
  return [base, ...[...names].toSorted().map((name) => locateHome(environment, name))];
}

/** Lists what belongs to Shoal and can be removed. Other files in its folders are not among it. */
export function belongingsOf(homes: readonly Home[], installation: Installation): readonly Belonging[] {
  const found = new Map<string, Belonging>();
  const add = (kind: Belonging['kind'], path: string): void => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined) found.set(path, { kind, path, bytes: bytesOf(path) });
  };
  for (const home of homes) {
    const { models, engines } = homeFiles(home);
    for (const path of homeEntries(home)) add('home', path);
    add('engines', engines);
    for (const name of STORE_ENTRIES) add('models', join(models, name));
  }
  if (installation.kind === 'script') {
    const { folder } = installation;
    for (const path of linksTo(join(folder, 'bin'))) add('link', path);
    for (const name of SCRIPT_ENTRIES) add('program', join(folder, name));
  }
  return [...found.values()];
}

/** The folders that are removed once they are empty, the innermost first. */
export function emptiedFolders(homes: readonly Home[], { kind, folder }: Installation): readonly string[] {
  const folders = homes.flatMap((home) => {
    const { config, state, data, node } = home;
    const own = [config, state, data].flatMap((path) => (node === undefined ? [path] : [path, dirname(path)]));
    return [homeFiles(home).models, ...own];
  });
  const all = new Set([...folders, ...(kind === 'script' ? [join(folder, 'nodes'), folder] : [])]);
  return [...all].toSorted((one, other) => other.length - one.length);
}

function homeEntries(home: Home): string[] {
  const { models: _models, engines: _engines, configurations, log: _log, ...files } = homeFiles(home);
  const others = [home.config, home.state, home.data].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => OTHER_ENTRIES.test(name))
          .map((name) => join(folder, name))
      : [],
  );
  return [...configurations, ...Object.values(files), ...others];
}

/** The links in `~/.local/bin` to the commands in a folder. */
function linksTo(folder: string): string[] {
  const links = SCRIPT_COMMANDS.map((name) => [join(homedir(), '.local/bin', name), join(folder, name)] as const);
  const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return links.filter(([path, target]) => isLink(path) && readlinkSync(path) === target).map(([path]) => path);
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/** The bytes of a file, or of all files in a folder. */
function bytesOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return stats?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
