import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { runProgram } from './run-program.ts';

/** Limit of the request for the size of an archive. */
const LENGTH_TIMEOUT_MS = 10_000;

/** A package as the registry describes it. */
export interface PackageFacts {
  /** `name@version`. */
  readonly specifier: string;
  /** `sha512-` and the digest of the archive in Base64. */
  readonly integrity: string;
  /** Size of the archive; undefined if unknown. */
  readonly downloadBytes: number | undefined;
  /** Size of its files; undefined if the registry does not report it. */
  readonly unpackedBytes: number | undefined;
}

/** Requests the description from the registry that npm uses. Throws `GENERATION_FAILED` with the output of npm. */
export async function viewPackage(specifier: string, folder: string, signal: AbortSignal): Promise<PackageFacts> {
  const text = await npm(['view', specifier, 'dist', '--json'], folder, signal);
  const dist: unknown = JSON.parse(text);
  if (!isObject(dist) || typeof dist['integrity'] !== 'string') {
    throw ShoalError.generationFailed(`The registry does not have ${specifier}. Check the registry that npm uses.`);
  }
  const unpackedBytes = typeof dist['unpackedSize'] === 'number' ? dist['unpackedSize'] : undefined;
  const tarball = typeof dist['tarball'] === 'string' ? dist['tarball'] : undefined;
  const downloadBytes = tarball === undefined ? undefined : await lengthOf(tarball, signal);
  return { specifier, integrity: dist['integrity'], downloadBytes, unpackedBytes };
}

/** Downloads a package's archive into a folder and returns its path. */
export async function packPackage(specifier: string, folder: string, signal: AbortSignal): Promise<string> {
  const text = await npm(['pack', specifier, '--pack-destination', folder], folder, signal);
  const name = text.trim().split('\n').at(-1) ?? '';
  const path = join(folder, name);
  if (!name.endsWith('.tgz') || !existsSync(path))
    throw ShoalError.generationFailed(`npm did not download ${specifier}. Try again.`);
  return path;
}

function npm(args: readonly string[], folder: string, signal: AbortSignal): Promise<string> {
  const [program, ...first] = npmCommand();
  const environment = { ...process.env, npm_config_update_notifier: 'false', npm_config_loglevel: 'error' };
  return runProgram(program, [...first, ...args], { signal, folder, environment });
}

/** Returns the command of the npm that started this process, the one installed with Node, or the one in PATH. */
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
    // npm handles proxies and authentication, this request does not. Without it the size stays unknown.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
