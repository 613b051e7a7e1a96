import type { Command } from 'commander';
import { collect, contextOf, decimal, example, type Finish, positiveNumber, wholeNumber } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

export function addModels(program: Command, finish: Finish): void {
  addRun(program, finish);
  addPull(program, finish);
  example(program.command('list').alias('ls'), 'shoal list')
    .description('the models of this machine: Shoal’s own, and those that other programs have')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./list.ts')).list(contextOf(command))),
    );
  example(program.command('show <model>'), 'shoal show llama3.2:1b --context 8192')
    .description('what a model is, what memory it will take, and whether it fits here')
    .option('--context <tokens>', 'for so many tokens of prompt and answer together', positiveNumber)
    .option('--slots <n>', 'for so many answers at once; as many as a node has where not given', positiveNumber)
    .action(async (model: string, _flags: object, command: Command) =>
      finish(await (await import('./show.ts')).show(contextOf(command), model, command.opts())),
    );
  example(program.command('rm <name>'), 'shoal rm llama3.2:1b')
    .description('remove a model, and its file unless another name needs it')
    .action(async (name: string, _flags: object, command: Command) =>
      finish(await (await import('./rm.ts')).remove(contextOf(command), name)),
    );
  example(program.command('cp <from> <to>'), 'shoal cp llama3.2:1b house-model')
    .description('give a model one more name, which costs no space')
    .action(async (from: string, to: string, _flags: object, command: Command) =>
      finish(await (await import('./cp.ts')).copy(contextOf(command), from, to)),
    );
  example(program.command('ps'), 'shoal ps')
    .description('what the running node has in memory, and until when')
    .action(async (_flags: object, command: Command) => finish(await (await import('./ps.ts')).ps(contextOf(command))));
  addStore(program, finish);
  addSaved(program, finish);
}

const RUN_EXAMPLES = `shoal run llama3.2:1b
  $ shoal run llama3.2:1b "What is 2+2?"
  $ cat report.txt | shoal run llama3.2:1b "Sum this up."`;

const RUN_PLACES = `
A model that a node of this machine lends is asked there; --here and the flags behind it load it in this command. One that is not
on this machine is pulled first. Without MODEL it is the node’s, else the configuration’s, else the demo model.`;

function addRun(program: Command, finish: Finish): void {
  const run = example(program.command('run [model] [prompt...]'), RUN_EXAMPLES)
    .description('talk with a model of this machine; with PROMPT or text on stdin, one answer')
    .option('--system <text>', 'what the model is told before everything else')
    .option('--format <json|file>', 'the answer is JSON, or fits the JSON Schema in this file')
    .option('--max-tokens <n>', 'the longest answer', positiveNumber)
    .option('--temperature <t>', '0 takes the likeliest token each time', decimal)
    .option('--seed <n>', 'the same seed, model and prompt give the same answer', wholeNumber)
    .option('--stop <text>', 'end the answer before this text; may be repeated', collect)
    .option('--verbose', 'say what each answer took')
    .option('--nowordwrap', 'leave long lines to the terminal')
    .option('--here', 'load the model in this command, whatever a node has');
  settingFlags(run, 'run')
    .addHelpText('after', RUN_PLACES)
    .action(async (model: string | undefined, prompt: readonly string[], _flags: object, command: Command) =>
      finish(await (await import('./run.ts')).run(contextOf(command), model, prompt, command.opts())),
    );
}

function addSaved(program: Command, finish: Finish): void {
  const saved = example(program.command('saved'), 'shoal saved list\n  $ shoal saved rm talk').description(
    'look after the conversations that /save has kept',
  );
  example(saved.command('list'), 'shoal saved list')
    .description('what there is; "shoal run NAME" goes on with one')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./saved.ts')).listSaved(contextOf(command))),
    );
  example(saved.command('rm <name>'), 'shoal saved rm talk')
    .description('remove one')
    .action(async (name: string, _flags: object, command: Command) =>
      finish(await (await import('./saved.ts')).removeSaved(contextOf(command), name)),
    );
}

function addPull(program: Command, finish: Finish): void {
  example(program.command('pull <model>'), PULL_EXAMPLES)
    .description('bring a model: a name of Ollama’s registry, hf:OWNER/REPO, an https link or file:PATH')
    .option('--name <name>', 'what it is called here; where not given, what it is called there')
    .option('--digest <sha256:…>', 'what its file’s SHA-256 must be; a link has none of its own')
    .option('--allow-host <host[:port]>', 'may be in a private network and speak http; may be repeated', collect)
    .addHelpText('after', PULL_VARIABLES)
    .action(async (model: string, _flags: object, command: Command) =>
      finish(await (await import('./pull.ts')).pullModel(contextOf(command), model, command.opts())),
    );
}

const PULL_EXAMPLES = `shoal pull llama3.2:1b
  $ shoal pull hf:bartowski/Llama-3.2-1B-Instruct-GGUF:Q8_0`;

const PULL_VARIABLES = `
HF_TOKEN opens gated models of Hugging Face. HF_ENDPOINT and SHOAL_OLLAMA_REGISTRY are the addresses of mirrors.`;

function addStore(program: Command, finish: Finish): void {
  const models = example(program.command('models'), 'shoal models verify\n  $ shoal models prune').description(
    'look after the store of models',
  );
  example(models.command('verify'), 'shoal models verify')
    .description('read every file of the store and say what is broken')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./verify.ts')).verify(contextOf(command))),
    );
  example(models.command('prune'), 'shoal models prune')
    .description('remove unfinished downloads and files that no model needs')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./prune.ts')).prune(contextOf(command))),
    );
}
