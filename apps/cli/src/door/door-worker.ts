import { type Configuration, loadConfiguration } from '@shoal/host/configuration';
import type { Flags } from '@shoal/host/launch-settings';
import { createEngine, type EngineChoice } from '@shoal/host/engines';
import type { Logger } from '@shoal/host/log';
import { ShoalError } from '@shoal/protocol';
import { type LendingLimits, Worker } from '@shoal/worker';
import { checkedFlags } from '../given-settings.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** What flags, environment and the home's configuration say together; a door's command runs without a node. */
export function doorConfiguration({ home }: Context, flags: Flags): Promise<Configuration> {
  return loadConfiguration(home, checkedFlags(flags));
}

export interface DoorWorkerOptions {
  readonly choice: EngineChoice;
  readonly limits: Omit<LendingLimits, 'slots'> & { readonly slots?: number | undefined };
  readonly log: Logger;
  readonly onChange?: (() => void) | undefined;
}

/** A worker over the engine that a configuration asks for. Whoever opens it closes it, and the engine with it. */
export async function openDoorWorker({ home }: Context, options: DoorWorkerOptions): Promise<Worker> {
  const { choice, limits, log, onChange } = options;
  const engine = await openEngine(choice, home, log);
  try {
    return await Worker.create({
      engine,
      limits: { ...limits, slots: limits.slots ?? engine.abilities.slots },
      // The doors' own dialects tell of health where they tell of it at all.
      health: () => 100,
      onError: ({ message, cause }) => log.warn({ err: cause }, message),
      ...(onChange !== undefined && { onChange }),
    });
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** A model file that is not there is wrong usage. */
async function openEngine(...[choice, home, log]: Parameters<typeof createEngine>): ReturnType<typeof createEngine> {
  try {
    return await createEngine(choice, home, log);
  } catch (error) {
    throw error instanceof ShoalError && error.code === 'INVALID_REQUEST' ? CliError.usage(error.message) : error;
  }
}
