import type { Command } from 'commander';
import type { Engine } from '@shoal/engine';
import { type Configuration, type Flags, loadConfiguration } from '@shoal/node/configuration';
import { createEngine } from '@shoal/node/engine-choice';
import { homeFiles } from '@shoal/node/home';
import type { Logger } from '@shoal/node/log';
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

/** The engine that a configuration asks for; whoever opens it closes it. */
export function openDoorEngine({ home }: Context, configuration: Configuration, log: Logger): Promise<Engine> {
  return createEngine(configuration, homeFiles(home).cache, log);
}
