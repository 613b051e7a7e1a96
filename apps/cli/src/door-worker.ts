import type { Command } from 'commander';
import { type Configuration, type Flags, loadConfiguration } from '@shoal/node/configuration';
import { createEngine, type EngineChoice } from '@shoal/node/engine-choice';
import { homeFiles } from '@shoal/node/home';
import type { Logger } from '@shoal/node/log';
import { type LendingLimits, Worker } from '@shoal/worker';
import { checkedFlags } from './commands/serve.ts';
import type { Context } from './context.ts';

/** The flags that say what a door's command answers with. Numbers stay text: the node's own schema judges them. */
export function engineFlags(command: Command): Command {
  return command
    .option('--engine <name>', 'llama, ollama or echo')
    .option('--model <model>', 'a GGUF file, or with --engine ollama a model’s name')
    .option('--context-length <n>', 'tokens of prompt and answer together')
    .option('--gpu-layers <n>', '-1 automatic, 0 CPU only')
    .option('--threads <n>', 'threads for the model; measured where not given')
    .option('--slots <n>', 'answers at once');
}

/** What flags, environment and the home's configuration say together; a door's command runs without a node. */
export function doorConfiguration({ home }: Context, flags: Flags): Promise<Configuration> {
  return loadConfiguration(home, checkedFlags(flags));
}

export interface DoorWorkerOptions {
  readonly choice: EngineChoice;
  readonly limits: Omit<LendingLimits, 'slots'> & { readonly slots?: number };
  readonly log: Logger;
  readonly onChange?: () => void;
}

/** A worker over the engine that a configuration asks for. Whoever opens it closes it, and the engine with it. */
export async function openDoorWorker({ home }: Context, options: DoorWorkerOptions): Promise<Worker> {
  const { choice, limits, log, onChange } = options;
  const engine = await createEngine(choice, homeFiles(home).cache, log);
  try {
    return await Worker.create({
      engine,
      limits: { slots: engine.abilities.slots, ...limits },
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
