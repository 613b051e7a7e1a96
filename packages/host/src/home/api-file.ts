import { rm } from 'node:fs/promises';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { isProcessAlive } from '@shoal/files/process';
import { writeJson } from '@shoal/files/durable-write';
import { parseJson, readSecret } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

/** The address of a home's running node, in `api.json`, which only the owner can read. */
export interface ApiAccess {
  /** The address to connect to. Default: 127.0.0.1. */
  readonly host?: string | undefined;
  readonly port: number;
  readonly pid: number;
  /** 64 hex digits, new at each start. */
  readonly token: string;
}

export function writeApiAccess(home: Home, access: ApiAccess): Promise<void> {
  return writeJson(homeFiles(home).api, access);
}

export function removeApiAccess(home: Home): Promise<void> {
  return rm(homeFiles(home).api, { force: true });
}

/**
 * Returns undefined if no node runs. Throws `INVALID_REQUEST` if the file is not valid, `UNAUTHORIZED` if other users can
 * read it.
 */
export async function readApiAccess(home: Home): Promise<ApiAccess | undefined> {
  const path = homeFiles(home).api;
  const text = await readSecret(path);
  if (text === undefined) return undefined;
  const value = parseJson(path, text);
  if (!isApiAccess(value)) {
    throw ShoalError.invalidRequest(`${path} is broken. Stop the node, delete the file, and start the node again.`);
  }
  return isProcessAlive(value.pid) ? value : undefined;
}

function isApiAccess(value: unknown): value is ApiAccess {
  if (!isObject(value)) return false;
  const { host, port, pid, token } = value;
  if (host !== undefined && typeof host !== 'string') return false;
  const isPort = Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
  return (
    isPort && Number.isInteger(pid) && Number(pid) > 0 && typeof token === 'string' && /^[0-9a-f]{64}$/.test(token)
  );
}
