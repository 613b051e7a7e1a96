import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { readApiAccess } from '@shoal/host/home/api-file';
import { existingFolder } from '@shoal/files/make-folder';
import type { Home } from '@shoal/host/home';
import { createDht } from '@shoal/transport/dht';
import { fail, ok, warn, type Check } from './check.ts';

const DHT_TIMEOUT_MS = 5_000;

export function checkHome(home: Home): Check {
  for (const folder of new Set([home.config, home.state, home.data])) {
    try {
      accessSync(existingFolder(folder), constants.R_OK | constants.W_OK | constants.X_OK);
    } catch {
      return fail('Home', `${folder} cannot be written`, 'set SHOAL_HOME to a folder that this user may write to');
    }
  }
  return ok('Home', home.state);
}

/** Checks that the port is free or used by this node. */
export async function checkPort(home: Home, port: number): Promise<Check> {
  const access = await readApiAccess(home);
  if (access !== undefined) return ok('API port', `${access.port}, of the running node (pid ${access.pid})`);
  if (port === 0) return ok('API port', 'a free one at each start');
  return (await isFree(port))
    ? ok('API port', `${port} is free`)
    : fail('API port', `${port} is taken by another program`, 'use --port 0 for a free one, or set SHOAL_PORT');
}

export async function checkDht(bootstrap: readonly string[]): Promise<Check> {
  const dht = createDht({ bootstrap });
  try {
    const reachability = await dht.reachable(DHT_TIMEOUT_MS);
    if (reachability.ok) {
      return ok('DHT', `reachable through ${bootstrap.length === 0 ? 'the public nodes' : bootstrap.join(', ')}`);
    }
    const remedy =
      'without internet, run "shoal bootstrap" on one machine and give its address to all with --bootstrap';
    return warn('DHT', reachability.why, remedy);
  } finally {
    await dht.close();
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
