import { isIPv4 } from 'node:net';
import { runBootstrap } from '@shoal/transport/dht';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** `shoal bootstrap`: runs until Ctrl-C or SIGTERM. */
export async function bootstrap(context: Context, flags: { host: string; port: number }): Promise<number> {
  if (!isIPv4(flags.host)) throw CliError.usage(`--host must be an IPv4 address; "${flags.host}" is not.`);
  const ended = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const node = await runBootstrap(flags);
  try {
    print(context, { address: node.address }, [
      `A DHT of your own: ${node.address}`,
      'Each of the others joins it with:',
      `  shoal serve --bootstrap ${node.address} --cluster gatewayai-poc`,
      'Ctrl-C ends it.',
    ]);
    await ended;
  } finally {
    await node.close();
  }
  return EXIT.ok;
}
