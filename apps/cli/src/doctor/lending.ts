import type { Configuration } from '@shoal/host/configuration';
import { createEngine } from '@shoal/host/engines';
import { doorPorts } from '@shoal/host/doors';
import { readApiAccess } from '@shoal/host/home/api-file';
import type { Home } from '@shoal/host/home';
import type { Logger } from '@shoal/host/log';
import { ShoalError } from '@shoal/protocol/error';
import { listenTcp } from '@shoal/transport/tcp';
import { fail, ok, warn, type Check } from './check.ts';

/** Checks that Ollama answers. Returns undefined if it is not the configured engine. */
export async function checkOllama(home: Home, configuration: Configuration, log: Logger): Promise<Check | undefined> {
  if (configuration.engine !== 'ollama') return undefined;
  const engine = await createEngine(configuration, home, log);
  try {
    const models = await engine.models();
    return ok('Ollama', `it answers, with ${models.map(({ id }) => id).join(', ')}`);
  } catch (error) {
    const { message } = ShoalError.from(error);
    return warn('Ollama', message, 'start Ollama, or choose another engine with --engine');
  } finally {
    await engine.close();
  }
}

/** Checks that the ports of the configured doors are free. Returns nothing if the node runs, because it uses them. */
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
    return fail(name, ShoalError.from(error).message, 'free the port, or remove the door from the configuration');
  }
}
