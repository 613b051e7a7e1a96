import type { Command } from 'commander';
import { collect, contextOf, example, type Finish, positiveNumber } from './command.ts';

export function addModels(program: Command, finish: Finish): void {
  addPull(program, finish);
  example(program.command('list').alias('ls'), 'shoal list')
    .description('the models of this machine: Shoal’s own, and those that other programs have')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('../commands/list.ts')).list(contextOf(command))),
    );
  example(program.command('show <model>'), 'shoal show llama3.2:1b --context 8192')
    .description('what a model is, what memory it will take, and whether it fits here')
    .option('--context <tokens>', 'for so many tokens of prompt and answer together', positiveNumber)
    .option('--slots <n>', 'for so many answers at once', positiveNumber, 1)
    .action(async (model: string, _flags: object, command: Command) =>
      finish(await (await import('../commands/show.ts')).show(contextOf(command), model, command.opts())),
    );
  example(program.command('rm <name>'), 'shoal rm llama3.2:1b')
    .description('remove a model, and its file unless another name needs it')
    .action(async (name: string, _flags: object, command: Command) =>
      finish(await (await import('../commands/rm.ts')).remove(contextOf(command), name)),
    );
  example(program.command('cp <from> <to>'), 'shoal cp llama3.2:1b house-model')
    .description('give a model one more name, which costs no space')
    .action(async (from: string, to: string, _flags: object, command: Command) =>
      finish(await (await import('../commands/cp.ts')).copy(contextOf(command), from, to)),
    );
  addStore(program, finish);
}

function addPull(program: Command, finish: Finish): void {
  example(program.command('pull <model>'), PULL_EXAMPLES)
    .description('bring a model: a name of Ollama’s registry, hf:OWNER/REPO, an https link or file:PATH')
    .option('--name <name>', 'what it is called here; where not given, what it is called there')
    .option('--digest <sha256:…>', 'what its file’s SHA-256 must be; a link has none of its own')
    .option('--allow-host <host[:port]>', 'may be in a private network and speak http; may be repeated', collect)
    .addHelpText('after', PULL_VARIABLES)
    .action(async (model: string, _flags: object, command: Command) =>
      finish(await (await import('../commands/pull.ts')).pullModel(contextOf(command), model, command.opts())),
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
      finish(await (await import('../commands/models-verify.ts')).verify(contextOf(command))),
    );
  example(models.command('prune'), 'shoal models prune')
    .description('remove unfinished downloads and files that no model needs')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('../commands/models-prune.ts')).prune(contextOf(command))),
    );
}
