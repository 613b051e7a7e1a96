import type { Command } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';

export function addClusters(program: Command, finish: Finish): void {
  example(program.command('clusters'), 'shoal clusters')
    .description('list the clusters of the node')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./clusters.ts')).clusters(contextOf(command))),
    );
  example(program.command('connect <cluster>').alias('join'), 'shoal connect gatewayai-poc --lend')
    .description('join a cluster until it is left, also at the next starts')
    .option('--lend', 'answer the prompts of its members')
    .option('--no-lend', 'answer no prompts of its members')
    .action(async (cluster: string, { lend }: { readonly lend?: boolean | undefined }, command: Command) =>
      finish(await (await import('./clusters.ts')).connect(contextOf(command), cluster, lend)),
    );
  example(program.command('disconnect <cluster>').alias('leave'), 'shoal disconnect gatewayai-poc')
    .description('leave a cluster')
    .action(async (cluster: string, _flags: object, command: Command) =>
      finish(await (await import('./clusters.ts')).disconnect(contextOf(command), cluster)),
    );
  example(program.command('peers [cluster]'), 'shoal peers gatewayai-poc')
    .description('list the connected peers')
    .action(async (cluster: string | undefined, _flags: object, command: Command) =>
      finish(await (await import('./peers.ts')).peers(contextOf(command), cluster)),
    );
}
