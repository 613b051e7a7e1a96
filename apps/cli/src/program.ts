import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { locateHome } from '@shoal/node/home';
import { ShoalError } from '@shoal/protocol';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';

export interface ProgramOptions {
  /** Commander says nothing on stderr: the error becomes a document. */
  readonly quiet: boolean;
  /** Takes the exit code of the command that ran. */
  readonly finish: (exitCode: number) => void;
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
  addMachine(program, finish);
  return program;
}

type Finish = ProgramOptions['finish'];

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the node is not running, 130 interrupted.
Files are in SHOAL_HOME, else in the XDG folders.`;

function addLifeCycle(program: Command, finish: Finish): void {
  nodeFlags(program.command('serve'), 'shoal serve --lend --cluster gatewayai-poc')
    .description('run the node in the foreground')
    .action(async (flags: object, command: Command) =>
      finish(await (await import('./commands/serve.ts')).serve(contextOf(command), ownFlags(flags))),
    );
  nodeFlags(program.command('start'), 'shoal start --lend --model ~/models/llama.gguf')
    .description('run the node in the background')
    .action(async (flags: object, command: Command) =>
      finish(await (await import('./commands/start.ts')).start(contextOf(command), ownFlags(flags))),
    );
  nodeFlags(program.command('restart'), 'shoal restart --no-lend')
    .description('stop the node and start it as it was started, with the flags given here changed')
    .action(async (flags: object, command: Command) =>
      finish(await (await import('./commands/restart.ts')).restart(contextOf(command), ownFlags(flags))),
    );
  example(program.command('stop'), 'shoal stop')
    .description('end the node once its running answers are complete, or after 30 s')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/stop.ts')).stop(contextOf(command))),
    );
  example(program.command('status'), 'shoal status --json')
    .description('whether the node runs, where, since when, and how it fares')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/status.ts')).status(contextOf(command))),
    );
}

function addClusters(program: Command, finish: Finish): void {
  example(program.command('clusters'), 'shoal clusters')
    .description('the clusters that the node is in')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/clusters.ts')).clusters(contextOf(command))),
    );
  example(program.command('connect <cluster>').alias('join'), 'shoal connect gatewayai-poc')
    .description('join a cluster, now and at each start')
    .action(async (cluster: string, _flags: object, command: Command) =>
      finish(await (await import('./commands/clusters.ts')).connect(contextOf(command), cluster)),
    );
  example(program.command('disconnect <cluster>').alias('leave'), 'shoal disconnect gatewayai-poc')
    .description('leave a cluster')
    .action(async (cluster: string, _flags: object, command: Command) =>
      finish(await (await import('./commands/clusters.ts')).disconnect(contextOf(command), cluster)),
    );
  example(program.command('peers [cluster]'), 'shoal peers gatewayai-poc')
    .description('who else is there')
    .action(async (cluster: string | undefined, _flags: object, command: Command) =>
      finish(await (await import('./commands/peers.ts')).peers(contextOf(command), cluster)),
    );
}

function addPrompt(program: Command, finish: Finish): void {
  example(program.command('prompt [text]'), 'shoal prompt "What is 2+2?"\n  $ shoal prompt - < question.txt')
    .description('ask, and see the answer as it comes; without TEXT, or with -, the prompt is read from stdin')
    .option('--model <model>', 'a model’s name or digest')
    .option('--cluster <id>', 'ask in this cluster only')
    .option('--max-tokens <n>', 'the longest answer', wholeNumber)
    .option('--temperature <t>', '0 takes the likeliest token each time', decimal)
    .option('--seed <n>', 'the same seed, model and prompt give the same answer', wholeNumber)
    .option('--stop <text>', 'end the answer before this text; may be repeated', collect)
    .action(async (text: string | undefined, _flags: object, command: Command) =>
      finish(await (await import('./commands/prompt.ts')).prompt(contextOf(command), text, command.opts())),
    );
}

function addMachine(program: Command, finish: Finish): void {
  example(program.command('resources'), 'shoal resources')
    .description('what this machine has')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/resources.ts')).resources(contextOf(command))),
    );
  example(program.command('eligible'), 'shoal eligible')
    .description('which clusters this machine is large enough for')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/resources.ts')).eligible(contextOf(command))),
    );
  example(program.command('doctor'), 'shoal doctor')
    .description('what works here, what does not, and what to do')
    .option('--bootstrap <host:port>', 'the DHT to look for; may be repeated', collectHosts)
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/doctor.ts')).doctor(contextOf(command), command.opts())),
    );
  example(program.command('bootstrap'), 'shoal bootstrap --port 49737')
    .description('run the first node of a DHT of one’s own, for machines without internet')
    .option('--port <port>', 'UDP port; 0 picks a free one', wholeNumber, 49_737)
    .option('--host <address>', 'the IPv4 address under which the others reach this machine', '0.0.0.0')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/bootstrap.ts')).bootstrap(contextOf(command), command.opts())),
    );
  example(program.command('demo'), 'shoal demo --prompt "Explain quantum computing simply"')
    .description('three nodes on this machine find each other, and one has its prompt answered')
    .option('--prompt <text>', 'what to ask', 'What is 2+2?')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./commands/demo.ts')).demo(contextOf(command), command.opts())),
    );
}

/** Numbers stay text here: the node's own schema judges them, wherever they come from. */
function nodeFlags(command: Command, line: string): Command {
  return example(command, line)
    .option('--serve, --lend', 'answer others’ prompts')
    .option('--no-lend', 'only ask')
    .option('--cluster <id>', 'join this cluster; may be repeated', collect)
    .option('--bootstrap <host:port>', 'enter the DHT here; may be repeated, or several with commas', collectHosts)
    .option('--name <name>', 'what the others call this node')
    .option('--model <path>', 'the GGUF file to lend, or "echo"')
    .option('--port <port>', 'the API’s port; 0 picks a free one')
    .option('--gpu-layers <n>', '-1 automatic, 0 CPU only')
    .option('--threads <n>', 'threads for the model; measured where not given')
    .option('--slots <n>', 'answers at once')
    .option('--queue <n>', 'prompts that may wait')
    .option('--max-tokens <n>', 'the longest answer that others get');
}

function example(command: Command, line: string): Command {
  return command.addHelpText('after', `\nExample:\n  $ ${line}`);
}

/** The flags under the settings' names; what belongs to every command is not among them. */
function ownFlags(flags: object): object {
  const { cluster, ...others } = flags as { cluster?: readonly string[] };
  return { ...others, ...(cluster !== undefined && { clusters: cluster }) };
}

function contextOf(command: Command): Context {
  const { node, json } = command.optsWithGlobals<{ node?: string; json?: boolean }>();
  try {
    return { home: locateHome(process.env, node), json: json ?? false };
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function collectHosts(value: string, before: readonly string[] = []): string[] {
  return [...before, ...value.split(',').filter((host) => host !== '')];
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function decimal(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number from 0.');
  return Number(text);
}

function version(): string {
  const description = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return description.version;
}
