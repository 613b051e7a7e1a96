import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBatch } from './commands/batch/group.ts';
import { addClusters } from './commands/clusters/group.ts';
import { example, type Finish } from './commands/command.ts';
import { addCompletion } from './commands/completion/group.ts';
import { addConfig } from './commands/config/group.ts';
import { addDonate } from './commands/donate/group.ts';
import { addEngine } from './commands/engine/group.ts';
import { addLifeCycle } from './commands/life-cycle/group.ts';
import { addLocalLlm } from './commands/localllm/group.ts';
import { addMachine } from './commands/machine/group.ts';
import { addModels } from './commands/models/group.ts';
import { addPrompt } from './commands/prompt/group.ts';
import { addQmesh } from './commands/qmesh/group.ts';
import { addInstallation, addService } from './commands/service/group.ts';
import { addToken } from './commands/token/group.ts';
import { groupCommands, HELP_LAYOUT } from './help/groups.ts';
import { showHelp } from './help/help.ts';

export interface ProgramOptions {
  /** Nothing is printed on stderr, because an error is printed as a JSON document. */
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
    .version(version(), '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureHelp(HELP_LAYOUT)
    .addHelpText('after', EXIT_CODES)
    // The error is thrown, and printed by `main`.
    .configureOutput({ outputError: () => undefined, ...(quiet && { writeErr: () => undefined }) });
  // Groups are listed in the order of their first commands.
  addPrompt(program, finish);
  addLifeCycle(program, finish);
  addService(program, finish);
  addClusters(program, finish);
  addModels(program, finish);
  addLocalLlm(program, finish);
  addDonate(program, finish);
  addQmesh(program, finish);
  addBatch(program, finish);
  addEngine(program, finish);
  addConfig(program, finish);
  addToken(program, finish);
  addMachine(program, finish);
  addInstallation(program, finish);
  addCompletion(program, finish);
  addHelp(program);
  groupCommands(program);
  return program;
}

function addHelp(program: Command): void {
  example(program.command('help [command...]'), 'shoal help engine add')
    .description('show the help of a command')
    .action((names: readonly string[]) => showHelp(program, names));
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
