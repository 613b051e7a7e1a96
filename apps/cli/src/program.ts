import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBatch } from './groups/batch.ts';
import { addClusters } from './groups/clusters.ts';
import type { Finish } from './groups/command.ts';
import { addDonate } from './groups/donate.ts';
import { addEngine } from './groups/engine.ts';
import { addLifeCycle } from './groups/life-cycle.ts';
import { addLocalLlm } from './groups/localllm.ts';
import { addMachine } from './groups/machine.ts';
import { addModels } from './groups/models.ts';
import { addPrompt } from './groups/prompt.ts';
import { addQmesh } from './groups/qmesh.ts';

export interface ProgramOptions {
  /** Commander says nothing on stderr: the error becomes a document. */
  readonly quiet: boolean;
  readonly finish: Finish;
}

/**
 * The command line as a tree. A command's own file is imported when it runs, so that `shoal status` reads no more code
 * than it needs.
 */
export function createProgram({ quiet, finish }: ProgramOptions): Command {
  const program = new Command('shoal')
    .description('Lend this machine’s compute to others’ prompts, and have yours answered by theirs.')
    .option('--node <name>', 'the node of that name on this machine, instead of its only one')
    .option('--json', 'one JSON document on stdout, errors included')
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
  addMachine(program, finish);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the node is not running, 130 interrupted.
Files are in SHOAL_HOME, else in the XDG folders.`;

function version(): string {
  const description = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return description.version;
}
