import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { LAUNCHER } from '../node/launcher.ts';

const PACKAGE = '@shoal/cli';

/** The way in which this copy of Shoal came to this machine. */
export interface Installation {
  /** `script`: by `scripts/install.sh`. `copy`: a checkout without its history. */
  readonly kind: 'checkout' | 'copy' | 'script' | 'npm' | 'npm global' | 'archive';
  /** The checkout, the root of the script, or the folder of npm's `node_modules`. */
  readonly folder: string;
}

/** Finds out how the copy at `launcher` was installed. */
export function findInstallation(launcher = LAUNCHER): Installation {
  for (let folder = dirname(launcher); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, '.installed'))) return { kind: 'script', folder: dirname(folder) };
    if (existsSync(join(folder, 'node_modules', PACKAGE, 'bin')) && launcher.startsWith(join(folder, 'node_modules'))) {
      return npmInstallation(folder);
    }
    if (existsSync(join(folder, 'apps/cli/package.json'))) {
      return { kind: existsSync(join(folder, '.git')) ? 'checkout' : 'copy', folder };
    }
  }
  return { kind: 'copy', folder: dirname(dirname(launcher)) };
}

/** The commands that bring this installation up to date. Lines that start with `#` are for people. */
export function updateCommands({ kind, folder }: Installation): readonly string[] {
  const at = quoted(folder);
  switch (kind) {
    case 'checkout':
      return [`git -C ${at} pull`, `npm --prefix ${at} ci`];
    case 'copy':
      return [`# Replace ${folder} with a newer copy.`, `npm --prefix ${at} ci`];
    case 'script':
      return [
        '# Run the script of the newer version. It keeps configurations and restarts the node.',
        `OPENGATEWAY_POC_ROOT=${at} ./scripts/install.sh`,
      ];
    case 'npm':
      return [`npm --prefix ${at} install ${PACKAGE}@latest`];
    case 'npm global':
      return [`npm install --global ${PACKAGE}@latest`];
    case 'archive':
      return [
        '# With the archives of the newer version, which are in one folder:',
        `npm --prefix ${at} install ./shoal-*.tgz`,
      ];
    default:
      return kind satisfies never;
  }
}

/** The command that removes the program itself, which never removes itself. */
export function removeCommand({ kind, folder }: Installation): string | undefined {
  switch (kind) {
    case 'checkout':
    case 'copy':
      return `rm -rf ${quoted(folder)}`;
    case 'script':
      return undefined;
    case 'npm':
    case 'archive':
      return `npm --prefix ${quoted(folder)} uninstall ${PACKAGE}`;
    case 'npm global':
      return `npm uninstall --global ${PACKAGE}`;
    default:
      return kind satisfies never;
  }
}

/** npm's global packages are in `lib/node_modules` of its prefix, and have no `package.json` beside them. */
function npmInstallation(folder: string): Installation {
  if (basename(folder) === 'lib' && !existsSync(join(folder, 'package.json'))) return { kind: 'npm global', folder };
  return { kind: isFromArchive(folder) ? 'archive' : 'npm', folder };
}

/** True if npm has recorded that the package came from a file. */
function isFromArchive(folder: string): boolean {
  const path = join(folder, 'node_modules/.package-lock.json');
  if (!existsSync(path)) return false;
  const lock: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const packages = isObject(lock) ? lock['packages'] : undefined;
  const entry = isObject(packages) ? packages[`node_modules/${PACKAGE}`] : undefined;
  const resolved = isObject(entry) ? entry['resolved'] : undefined;
  return typeof resolved === 'string' && resolved.startsWith('file:');
}

/** A path for a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
