import { Argument, type Command, Option } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

/** Of `GPU_BACKENDS` and `GPU_PACKAGES`; not imported, because help needs no more than these words. */
const BACKENDS = ['cuda', 'vulkan', 'metal', 'none'] as const;
const PACKAGES = ['cuda', 'vulkan'] as const;

export function addEngine(program: Command, finish: Finish): void {
  const engine = example(
    program.command('engine'),
    'shoal engine list\n  $ shoal engine build\n  $ shoal engine add vulkan',
  ).description('what computes the answers: list, build, measure, add and remove it');
  example(engine.command('list').alias('ls'), 'shoal engine list')
    .description('the engines and GPU backends that are here, which one a node uses, and why')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./list.ts')).listEngines(contextOf(command))),
    );
  addBuild(engine, finish);
  settingFlags(example(engine.command('measure'), 'shoal engine measure --model llama3.2:1b'), 'engine measure', {
    model: 'the configured model, else the demo model',
  })
    .description('whether llama or llama-server is faster here; "auto" uses that one')
    .action(async (options: object, command: Command) =>
      finish(await (await import('./measure.ts')).measureEngines(contextOf(command), options)),
    );
  addPackages(engine, finish);
}

function addBuild(engine: Command, finish: Finish): void {
  example(engine.command('build'), 'shoal engine build\n  $ shoal engine build --gpu cuda')
    .description('compile llama.cpp’s own server for this machine')
    .addOption(
      new Option('--gpu <interface>', 'compute on it; what this machine has where not given').choices(BACKENDS),
    )
    .option('--force', 'even where it is built already')
    .option('--output <folder>', 'where the programs shall lie, instead of in SHOAL_HOME')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./build.ts')).buildEngine(contextOf(command), command.opts())),
    );
}

function addPackages(engine: Command, finish: Finish): void {
  example(engine.command('add'), 'shoal engine add vulkan')
    .description('bring the GPU binaries of the engine llama, from npm’s registry')
    .addArgument(new Argument('<gpu>').choices(PACKAGES))
    .option('--yes', 'do not ask')
    .action(async (gpu: (typeof PACKAGES)[number], _flags: object, command: Command) =>
      finish(await (await import('./add.ts')).addEngine(contextOf(command), gpu, command.opts())),
    );
  example(engine.command('remove').alias('rm'), 'shoal engine remove vulkan')
    .description('remove what was built or added')
    .addArgument(new Argument('<what>').choices([...PACKAGES, 'llama-server']))
    .action(async (what: (typeof PACKAGES)[number] | 'llama-server', _flags: object, command: Command) =>
      finish(await (await import('./remove.ts')).removeEngine(contextOf(command), what)),
    );
}
