import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject, ShoalError } from '@shoal/protocol';
import { runProgram } from './run-program.ts';

/** A look at how long a file is; where nobody tells, it goes without. */
const LENGTH_TIMEOUT_MS = 10_000;

/** A package as the registry describes it. */
export interface PackageFacts {
  /** With its version. */
  readonly specifier: string;
  /** `sha512-` and Base64, of the archive. */
  readonly integrity: string;
  /** Of the archive; undefined where nobody tells. */
  readonly downloadBytes: number | undefined;
  /** Of what is in it; undefined where the registry does not tell. */
  readonly unpackedBytes: number | undefined;
}

/** Asks the registry that npm is set to. Throws `GENERATION_FAILED` where npm cannot, with what it says. */
export async function viewPackage(specifier: string, folder: string, signal: AbortSignal): Promise<PackageFacts> {
  const text = await npm(['view', specifier, 'dist', '--json'], folder, signal);
  const dist: unknown = JSON.parse(text);
  if (!isObject(dist) || typeof dist['integrity'] !== 'string') {
    throw ShoalError.generationFailed(`The registry does not describe ${specifier}: it has no such package.`);
  }
  const unpackedBytes = typeof dist['unpackedSize'] === 'number' ? dist['unpackedSize'] : undefined;
  const tarball = typeof dist['tarball'] === 'string' ? dist['tarball'] : undefined;
  const downloadBytes = tarball === undefined ? undefined : await lengthOf(tarball, signal);
  return { specifier, integrity: dist['integrity'], downloadBytes, unpackedBytes };
}

/** Fetches a package's archive into a folder, and answers with its path. */
export async function packPackage(specifier: string, folder: string, signal: AbortSignal): Promise<string> {
  const text = await npm(['pack', specifier, '--pack-destination', folder], folder, signal);
  const name = text.trim().split('\n').at(-1) ?? '';
  const path = join(folder, name);
  if (!name.endsWith('.tgz') || !existsSync(path))
    throw ShoalError.generationFailed(`npm brought no archive of ${specifier}.`);
  return path;
}

function npm(words: readonly string[], folder: string, signal: AbortSignal): Promise<string> {
  const [program, ...first] = npmCommand();
  const environment = { ...process.env, npm_config_update_notifier: 'false', npm_config_loglevel: 'error' };
  return runProgram(program, [...first, ...words], { signal, folder, environment });
}

/** npm as it was started, or as it lies beside Node, or the one in PATH. */
function npmCommand(): readonly [string, ...string[]] {
  const started = process.env['npm_execpath'];
  if (started?.endsWith('npm-cli.js') === true && existsSync(started)) return [process.execPath, started];
  const beside = ['node_modules', '../lib/node_modules'].map((folder) =>
    join(dirname(process.execPath), folder, 'npm/bin/npm-cli.js'),
  );
  const found = beside.find((path) => existsSync(path));
  return found === undefined ? ['npm'] : [process.execPath, found];
}

async function lengthOf(url: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LENGTH_TIMEOUT_MS)]);
    const { ok, headers } = await fetch(url, { method: 'HEAD', signal: limit });
    const length = Number(headers.get('content-length'));
    return ok && length > 0 ? length : undefined;
  } catch (error) {
    signal.throwIfAborted();
    // A registry behind a proxy, or one that wants to know who asks: npm knows how, and the size stays unknown.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
