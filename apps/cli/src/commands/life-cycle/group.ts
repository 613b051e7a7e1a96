import type { Command } from 'commander';
import { collect, collectHosts, contextOf, example, type Finish } from '../command.ts';

export function addLifeCycle(program: Command, finish: Finish): void {
  nodeFlags(program.command('serve'), 'shoal serve --lend --cluster gatewayai-poc')
    .description('run the node in the foreground')
    .action(async (flags: object, command: Command) =>
      finish(await (await import('./serve.ts')).serve(contextOf(command), ownFlags(flags))),
    );
  nodeFlags(program.command('start'), 'shoal start --lend --model ~/models/llama.gguf')
    .description('run the node in the background')
    .action(async (flags: object, command: Command) =>
      finish(await (await import('./start.ts')).start(contextOf(command), ownFlags(flags))),
    );
  nodeFlags(program.command('restart'), 'shoal restart --no-lend')
    .description('stop the node and start it as it was started, with the flags given here changed')
    .action(async (flags: object, command: Command) =>
      finish(await (await import('./restart.ts')).restart(contextOf(command), ownFlags(flags))),
    );
  example(program.command('stop'), 'shoal stop')
    .description('end the node once its running answers are complete, or after 30 s')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./stop.ts')).stop(contextOf(command))),
    );
  example(program.command('status'), 'shoal status --json')
    .description('whether the node runs, where, since when, and how it fares')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./status.ts')).status(contextOf(command))),
    );
}

function nodeFlags(command: Command, line: string): Command {
  return example(command, line)
    .option('--serve, --lend', 'answer others’ prompts')
    .option('--no-lend', 'only ask')
    .option('--cluster <id>', 'join this cluster; may be repeated', collect)
    .option('--bootstrap <host:port>', 'enter the DHT here; may be repeated, or several with commas', collectHosts)
    .option('--peer <address>', 'a peer to dial, ws://…, wss://… or tcp://…; may be repeated', collect)
    .option('--door <name>', 'open this door: donate, qmesh, localllm, websocket, tcp; may be repeated', collect)
    .option('--name <name>', 'what the others call this node')
    .option('--engine <name>', 'auto, llama, llama-server, ollama, openai or echo')
    .option('--openai-url <url>', 'where the API of an OpenAI-compatible server begins; its key is OPENAI_API_KEY')
    .option('--model <model>', 'the model to lend: a name ("shoal list" has them), or a GGUF file')
    .option('--other-model <model>', 'another one, with the engine llama; may be repeated', collect)
    .option('--keep-alive <time>', 'how long a model stays in memory after its last answer, such as 5m; -1 for ever')
    .option('--memory-budget <GiB>', 'what all models in memory may take together')
    .option('--port <port>', 'the API’s port; 0 picks a free one')
    .option('--gpu-layers <n>', '-1 automatic, 0 CPU only')
    .option('--threads <n>', 'threads for the model; measured where not given')
    .option('--slots <n>', 'answers at once')
    .option('--queue <n>', 'prompts that may wait')
    .option('--max-tokens <n>', 'the longest answer that others get');
}

function ownFlags(flags: object): object {
  const { cluster, peer, door, otherModel, ...others } = flags as Record<
    'cluster' | 'peer' | 'door' | 'otherModel',
    readonly string[] | undefined
  >;
  return {
    ...others,
    ...(cluster !== undefined && { clusters: cluster }),
    ...(peer !== undefined && { peers: peer }),
    ...(otherModel !== undefined && { otherModels: otherModel }),
    // Each as it is by default: what else a door may be told stands in the configuration.
    ...(door !== undefined && { doors: Object.fromEntries(door.map((name) => [name, {}])) }),
  };
}
