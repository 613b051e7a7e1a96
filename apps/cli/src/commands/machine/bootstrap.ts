import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { homeFiles, prepareHome } from '@shoal/host/home';
import { printableText } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { runBootstrap } from '@shoal/transport/dht';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { LAUNCHER } from '../../node/launcher.ts';
import { print } from '../../terminal/output.ts';

export interface BootstrapFlags {
  readonly host: string;
  readonly port: number;
  readonly background?: boolean | undefined;
}

/** `shoal bootstrap`: runs until Ctrl-C or SIGTERM, or starts such a process and returns. */
export async function bootstrap(context: Context, flags: BootstrapFlags): Promise<number> {
  if (!isIPv4(flags.host)) throw CliError.usage(`--host must be an IPv4 address; "${flags.host}" is not.`);
  return flags.background === true ? startDetached(context, flags) : run(context, flags);
}

async function run(context: Context, flags: BootstrapFlags): Promise<number> {
  const ended = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  const node = await runBootstrap(flags);
  try {
    print(context, { address: node.address }, [
      ...introduction(node.address),
      'It stays in the foreground until Ctrl-C; --background starts it without this terminal.',
    ]);
    await ended;
  } finally {
    await node.close();
  }
  return EXIT.ok;
}

/** Starts the same command in a session of its own, and returns once it has its address. */
async function startDetached(context: Context, { host, port }: BootstrapFlags): Promise<number> {
  prepareHome(context.home);
  const log = join(dirname(homeFiles(context.home).log), 'bootstrap.log');
  const output = openSync(log, 'a', 0o600);
  const before = statSync(log).size;
  const args = [LAUNCHER, 'bootstrap', '--json', '--host', host, '--port', String(port)];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', output] });
  closeSync(output);
  const exit = once(child, 'exit');
  const { stdout } = child;
  const lines = stdout === null ? [] : createInterface({ input: stdout });
  for await (const line of lines) {
    const { address, error }: { address?: string; error?: { message: string } } = JSON.parse(line);
    if (address === undefined) throw new ShoalError('CONNECT_FAILED', error?.message ?? line);
    stdout?.destroy();
    child.unref();
    print(context, { address, pid: child.pid }, [
      ...introduction(address),
      `It runs in the background (pid ${child.pid}). End it with: kill ${child.pid}`,
    ]);
    return EXIT.ok;
  }
  await exit;
  const why = printableText(readFileSync(log, 'utf8').slice(before)).trim();
  throw new ShoalError('CONNECT_FAILED', `The bootstrap node did not start. ${log} says: ${why}`);
}

function introduction(address: string): string[] {
  return [
    `A DHT of your own: ${address}`,
    'Each of the others joins it with:',
    `  shoal serve --bootstrap ${address} --cluster gatewayai-poc`,
  ];
}
