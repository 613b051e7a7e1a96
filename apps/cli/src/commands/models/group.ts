import type { Command } from 'commander';
import { collect, contextOf, decimal, example, type Finish, positiveNumber, wholeNumber } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

export function addModels(program: Command, finish: Finish): void {
  addRun(program, finish);
  addPull(program, finish);
  example(program.command('list').alias('ls'), 'shoal list')
    .description('list the models of this machine: of Shoal’s store and of other programs')
    .summary('list the models of this machine')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./list.ts')).list(contextOf(command))),
    );
  example(program.command('show <model>'), 'shoal show llama3.2:1b --context-length 8192')
    .description('show what a model is, how much memory it needs, and whether it fits on this machine')
    .summary('describe a model and the memory it needs')
    .option('--context-length <n>', 'predict for this many tokens of prompt and answer together', positiveNumber)
    .option('--slots <n>', 'predict for this many answers at once (default: as many as a node has)', positiveNumber)
    .action(async (model: string, _flags: object, command: Command) =>
      finish(await (await import('./show.ts')).show(contextOf(command), model, command.opts())),
    );
  example(program.command('rm <model...>'), 'shoal rm llama3.2:1b')
    .description('remove models, and their files unless another name uses them')
    .action(async (names: readonly string[], _flags: object, command: Command) =>
      finish(await (await import('./rm.ts')).remove(contextOf(command), names)),
    );
  example(program.command('cp <from> <to>'), 'shoal cp llama3.2:1b house-model')
    .description('give a model another name, which takes no space')
    .action(async (from: string, to: string, _flags: object, command: Command) =>
      finish(await (await import('./cp.ts')).copy(contextOf(command), from, to)),
    );
  example(program.command('ps'), 'shoal ps')
    .description('list the models that the running node has in memory, and for how long')
    .summary('list the models that the running node has in memory')
    .action(async (_flags: object, command: Command) => finish(await (await import('./ps.ts')).ps(contextOf(command))));
  addStore(program, finish);
  addSaved(program, finish);
}

const RUN_EXAMPLES = `shoal run llama3.2:1b
  $ shoal run llama3.2:1b "What is 2+2?"
  $ cat report.txt | shoal run llama3.2:1b "Sum this up."`;

const RUN_PLACES = `
If a node of this machine lends the model, the node answers. --here and the flags after it load the model in this command. A model
that is not on this machine is pulled first. Default: the node’s model, else the configured one, else the demo model.`;

function addRun(program: Command, finish: Finish): void {
  const run = example(program.command('run [model] [prompt...]'), RUN_EXAMPLES)
    .description('talk to a model on this machine; with PROMPT or text on stdin, print one answer')
    .summary('talk to a model on this machine')
    .option('--system <text>', 'the system message')
    .option('--format <json|file>', 'answer in JSON, or by the JSON Schema in this file')
    .option('--max-tokens <n>', 'the maximum length of the answer', positiveNumber)
    .option('--temperature <t>', '0 selects the most likely token each time', decimal)
    .option('--seed <n>', 'the same seed, model and prompt give the same answer', wholeNumber)
    .option('--stop <text>', 'end the answer before this text; may be repeated', collect)
    .option('--verbose', 'print the timing of each answer')
    .option('--nowordwrap', 'do not break long lines between words')
    .option('--here', 'load the model in this command, even if a node lends it');
  settingFlags(run, 'run')
    .addHelpText('after', RUN_PLACES)
    .action(async (model: string | undefined, prompt: readonly string[], _flags: object, command: Command) =>
      finish(await (await import('./run.ts')).run(contextOf(command), model, prompt, command.opts())),
    );
}

function addSaved(program: Command, finish: Finish): void {
  const saved = example(program.command('saved'), 'shoal saved list\n  $ shoal saved rm talk').description(
    'manage the conversations saved with /save',
  );
  example(saved.command('list'), 'shoal saved list')
    .description('list them; "shoal run NAME" continues one')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./saved.ts')).listSaved(contextOf(command))),
    );
  example(saved.command('rm <name>'), 'shoal saved rm talk')
    .description('remove a saved conversation')
    .action(async (name: string, _flags: object, command: Command) =>
      finish(await (await import('./saved.ts')).removeSaved(contextOf(command), name)),
    );
}

function addPull(program: Command, finish: Finish): void {
  example(program.command('pull <model>'), PULL_EXAMPLES)
    .description(
      'download a model: a name of Ollama’s registry, hf:OWNER/REPO or an https link; or add a file: ./FILE.gguf',
    )
    .summary('download a model, or add a local file')
    .option('--name <name>', 'the model’s name in the store (default: its name at the source)')
    .option('--digest <sha256:…>', 'the required SHA-256 of its file; useful for links, which come without one')
    .option(
      '--allow-host <host[:port]>',
      'allow this host to be in a private network and to use http; may be repeated',
      collect,
    )
    .addHelpText('after', PULL_VARIABLES)
    .action(async (model: string, _flags: object, command: Command) =>
      finish(await (await import('./pull.ts')).pullModel(contextOf(command), model, command.opts())),
    );
}

const PULL_EXAMPLES = `shoal pull llama3.2:1b
  $ shoal pull ./llama.gguf --name llama
  $ shoal pull hf:bartowski/Llama-3.2-1B-Instruct-GGUF:Q8_0`;

const PULL_VARIABLES = `
HF_TOKEN gives access to gated models of Hugging Face. HF_ENDPOINT and SHOAL_OLLAMA_REGISTRY set the addresses of mirrors.`;

function addStore(program: Command, finish: Finish): void {
  const models = example(program.command('models'), 'shoal models verify\n  $ shoal models prune').description(
    'check and clean up the store of models',
  );
  example(models.command('verify'), 'shoal models verify')
    .description('read every file of the store and report broken ones')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./verify.ts')).verify(contextOf(command))),
    );
  example(models.command('prune'), 'shoal models prune')
    .description('remove unfinished downloads and files that no model uses')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./prune.ts')).prune(contextOf(command))),
    );
}
