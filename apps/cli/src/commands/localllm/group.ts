import type { Command } from 'commander';
import { collectHosts, contextOf, engineFlags, example, type Finish } from '../command.ts';

export function addLocalLlm(program: Command, finish: Finish): void {
  engineFlags(example(program.command('share'), 'shoal share --model llama3.2 --name "Dan’s MacBook"'))
    .description('share a model with whoever gets the Server ID: Ollama’s, or with --model FILE.gguf that file’s')
    .option('--name <name>', 'what clients call this host')
    .option('--keep', 'keep the Server ID: without this, each start has a fresh one')
    .option('--debug', 'show the debug log; the key d does that later on')
    .option('--bootstrap <host:port>', 'enter the DHT here; may be repeated, or several with commas', collectHosts)
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./share.ts')).share(contextOf(command), command.opts())),
    );
  example(program.command('chat <server-id>'), 'shoal chat 7Yk…Q2a\n  $ echo "What is 2+2?" | shoal chat 7Yk…Q2a')
    .description('chat with a shared model; prompts from stdin are answered one line at a time')
    .option('--prompt <text>', 'ask this, and end with the answer')
    .option('--bootstrap <host:port>', 'enter the DHT here; may be repeated, or several with commas', collectHosts)
    .action(async (serverId: string, _flags: object, command: Command) =>
      finish(await (await import('./chat.ts')).chat(contextOf(command), serverId, command.opts())),
    );
}
