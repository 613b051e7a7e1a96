import type { Configuration } from '@shoal/host/configuration';
import { createEngine } from '@shoal/host/engines';
import { doorPorts } from '@shoal/host/doors';
import { readApiAccess } from '@shoal/host/home/api-file';
import type { Home } from '@shoal/host/home';
import type { Logger } from '@shoal/host/log';
import { ShoalError } from '@shoal/protocol';
import { listenTcp } from '@shoal/transport/tcp';
import { fail, ok, warn, type Check } from './check.ts';

/** Whether the Ollama answers that is to be lent; undefined where it is not. */
export async function checkOllama(home: Home, configuration: Configuration, log: Logger): Promise<Check | undefined> {
  if (configuration.engine !== 'ollama') return undefined;
  const engine = await createEngine(configuration, home, log);
  try {
    const models = await engine.models();
    return ok('Ollama', `it answers, with ${models.map(({ id }) => id).join(', ')}`);
  } catch (error) {
    const { message } = ShoalError.from(error);
    return warn('Ollama', message, 'do so, or choose another engine with --engine');
  } finally {
    await engine.close();
  }
}

/** Whether the ports of the configured doors are free; nothing where the node runs, which has them then. */
export async function checkDoors(home: Home, configuration: Configuration): Promise<readonly Check[]> {
  if ((await readApiAccess(home)) !== undefined) return [];
  return Promise.all(doorPorts(configuration).map(checkDoor));
}

async function checkDoor({ host, port }: { readonly host: string; readonly port: number }): Promise<Check> {
  const name = `Port ${port}`;
  try {
    const listener = await listenTcp({
      host,
      port,
      maxConnections: 1,
      onConnection: (connection) => connection.close(),
    });
    await listener.close();
    return ok(name, `a door can listen on ${host}:${port}`);
  } catch (error) {
    return fail(name, ShoalError.from(error).message, 'or leave the door out of the configuration');
  }
}
