import { countedLog } from '@shoal/host/counted-log';
import { type Configuration, loadConfiguration } from '@shoal/host/configuration';
import type { Flags } from '@shoal/host/launch-settings';
import { createEngine, type EngineChoice } from '@shoal/host/engines';
import type { Logger } from '@shoal/host/log';
import { ShoalError } from '@shoal/protocol/error';
import { type LendingLimits, Worker } from '@shoal/worker';
import { checkedFlags } from '../given-settings.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** Returns the configuration of a command that runs without a node: flags, environment and the home's file. */
export function doorConfiguration({ home }: Context, flags: Flags): Promise<Configuration> {
  return loadConfiguration(home, checkedFlags(flags));
}

export interface DoorWorkerOptions {
  readonly choice: EngineChoice;
  readonly limits: Omit<LendingLimits, 'slots'> & { readonly slots?: number | undefined };
  readonly log: Logger;
  readonly onChange?: (() => void) | undefined;
}

/** Opens a worker with the engine of a configuration. The caller closes it, which closes the engine too. */
export async function openDoorWorker({ home }: Context, options: DoorWorkerOptions): Promise<Worker> {
  const { choice, limits, log, onChange } = options;
  const engine = await openEngine(choice, home, log);
  try {
    return await Worker.create({
      engine,
      limits: { ...limits, slots: limits.slots ?? engine.abilities.slots },
      // Each door reports health in its own dialect.
      health: () => 100,
      onError: (error) => logDoorError(log, error),
      ...(onChange !== undefined && { onChange }),
    });
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Logs an error that a client may cause again and again: it is counted. */
export function logDoorError(log: Logger, { code, message, cause }: ShoalError): void {
  countedLog(log).write('errors', code, () => log.warn({ err: cause }, message));
}

/** Throws a usage error for a missing model file. */
async function openEngine(...[choice, home, log]: Parameters<typeof createEngine>): ReturnType<typeof createEngine> {
  try {
    return await createEngine(choice, home, log);
  } catch (error) {
    throw error instanceof ShoalError && error.code === 'INVALID_REQUEST' ? CliError.usage(error.message) : error;
  }
}
