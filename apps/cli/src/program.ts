import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBatch } from './commands/batch/group.ts';
import { addClusters } from './commands/clusters/group.ts';
import type { Finish } from './commands/command.ts';
import { addDonate } from './commands/donate/group.ts';
import { addEngine } from './commands/engine/group.ts';
import { addLifeCycle } from './commands/life-cycle/group.ts';
import { addLocalLlm } from './commands/localllm/group.ts';
import { addMachine } from './commands/machine/group.ts';
import { addModels } from './commands/models/group.ts';
import { addPrompt } from './commands/prompt/group.ts';
import { addQmesh } from './commands/qmesh/group.ts';
import { addToken } from './commands/token/group.ts';

export interface ProgramOptions {
  /** Commander prints nothing on stderr, because the error is printed as a JSON document. */
  readonly quiet: boolean;
  readonly finish: Finish;
}

/**
 * Returns the tree of commands. The file of a command is imported when the command runs, so that `shoal status` loads only
 * the code that it needs.
 */
export function createProgram({ quiet, finish }: ProgramOptions): Command {
  const program = new Command('shoal')
    .description('Answer other people’s prompts on this machine, and have yours answered on theirs.')
    .option('--node <name>', 'the node of this name, if this machine has several')
    .option('--json', 'print one JSON document on stdout, also for errors')
    .version(version(), '--version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_CODES);
  if (quiet) program.configureOutput({ writeErr: () => undefined, outputError: () => undefined });
  addLifeCycle(program, finish);
  addClusters(program, finish);
  addPrompt(program, finish);
  addQmesh(program, finish);
  addDonate(program, finish);
  addLocalLlm(program, finish);
  addBatch(program, finish);
  addModels(program, finish);
  addEngine(program, finish);
  addToken(program, finish);
  addMachine(program, finish);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the node is not running, 130 interrupted.
Files are stored in SHOAL_HOME; default: the XDG folders.`;

function version(): string {
  const description = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return description.version;
}
