import type { Command } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';
import { doorFlags, settingFlags } from '../setting-flags.ts';

export function addLocalLlm(program: Command, finish: Finish): void {
  const share = example(program.command('share'), 'shoal share --model llama3.2 --name "Dan’s MacBook"');
  settingFlags(share, 'share', { engine: 'ollama, or auto for a GGUF file', slots: '1' });
  doorFlags(share, 'share', 'localllm')
    .description('share a model of Ollama, or with --model FILE.gguf that file, with everyone who has the Server ID')
    .summary('share a model with everyone who has its Server ID')
    .option('--debug', 'show the debug log; the key d switches it later')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./share.ts')).share(contextOf(command), command.opts())),
    );
  const chat = program.command('chat <server-id>');
  settingFlags(example(chat, 'shoal chat 7Yk…Q2a\n  $ echo "What is 2+2?" | shoal chat 7Yk…Q2a'), 'chat')
    .description('chat with a shared model; without a terminal, each line of stdin is a prompt of its own')
    .summary('chat with a shared model')
    .option('--prompt <text>', 'ask this prompt and exit')
    .action(async (serverId: string, _flags: object, command: Command) =>
      finish(await (await import('./chat.ts')).chat(contextOf(command), serverId, command.opts())),
    );
}
