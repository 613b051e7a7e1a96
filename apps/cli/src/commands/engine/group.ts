import { Argument, type Command, Option } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

/** The values of `GPU_BACKENDS` and `GPU_PACKAGES`. Importing them would load more code for every command. */
const BACKENDS = ['cuda', 'vulkan', 'metal', 'none'] as const;
const PACKAGES = ['cuda', 'vulkan'] as const;

export function addEngine(program: Command, finish: Finish): void {
  const engine = example(
    program.command('engine'),
    'shoal engine list\n  $ shoal engine build\n  $ shoal engine add vulkan',
  )
    .description('list, build, measure, add and remove engines, which compute the answers')
    .summary('list, build, measure, add and remove engines');
  example(engine.command('list').alias('ls'), 'shoal engine list')
    .description('show the installed engines and GPU backends, and the one that a node uses')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./list.ts')).listEngines(contextOf(command))),
    );
  addBuild(engine, finish);
  settingFlags(example(engine.command('measure'), 'shoal engine measure --model llama3.2:1b'), 'engine measure', {
    model: 'the configured model, else the demo model',
  })
    .description('measure whether llama or llama-server is faster here; "auto" uses the faster one')
    .action(async (options: object, command: Command) =>
      finish(await (await import('./measure.ts')).measureEngines(contextOf(command), options)),
    );
  addPackages(engine, finish);
}

function addBuild(engine: Command, finish: Finish): void {
  example(engine.command('build'), 'shoal engine build\n  $ shoal engine build --gpu cuda')
    .description('compile llama.cpp’s own server for this machine')
    .addOption(new Option('--gpu <interface>', 'the GPU interface (default: what this machine has)').choices(BACKENDS))
    .option('--force', 'build again if it is already built')
    .option('--output <folder>', 'the folder for the programs, instead of SHOAL_HOME')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./build.ts')).buildEngine(contextOf(command), command.opts())),
    );
}

function addPackages(engine: Command, finish: Finish): void {
  example(engine.command('add'), 'shoal engine add vulkan')
    .description('download the GPU binaries of the engine llama from npm’s registry')
    .addArgument(new Argument('<gpu>').choices(PACKAGES))
    .option('--yes', 'do not ask for confirmation')
    .action(async (gpu: (typeof PACKAGES)[number], _flags: object, command: Command) =>
      finish(await (await import('./add.ts')).addEngine(contextOf(command), gpu, command.opts())),
    );
  example(engine.command('remove').alias('rm'), 'shoal engine remove vulkan')
    .description('remove an engine that was built or added')
    .addArgument(new Argument('<what>').choices([...PACKAGES, 'llama-server']))
    .action(async (what: (typeof PACKAGES)[number] | 'llama-server', _flags: object, command: Command) =>
      finish(await (await import('./remove.ts')).removeEngine(contextOf(command), what)),
    );
}
