import { CommanderError } from 'commander';
import { printableText } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol/error';
import { CliError, EXIT, exitCodeOf } from './cli-error.ts';
import { usageMessage } from './help/usage-error.ts';
import { createProgram } from './program.ts';

/** Runs one `shoal` command and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  // A reader may close the pipe early (`shoal peers | head -1`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // A command that must clean up handles it like Ctrl-C.
    if (!process.emit('SIGINT')) process.exit(EXIT.ok);
  });
  const json = wantsJson(args);
  let exitCode: number = EXIT.ok;
  const program = createProgram({ quiet: json, finish: (code) => (exitCode = code) });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version exit with 0.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    return fail(error instanceof CommanderError ? CliError.usage(usageMessage(error, program, args)) : error, json);
  }
}

/** Reads the flag before the arguments are parsed, because a parse error is a JSON document too. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end).includes('--json');
}

function fail(error: unknown, json: boolean): number {
  const known = ShoalError.from(error);
  if (json) printError(known.code, known.message);
  else process.stderr.write(`shoal: ${printableText(known.message)}\n`);
  if (known.code === 'INTERNAL' && known.cause !== undefined)
    process.stderr.write(`${printableText(describe(known.cause))}\n`);
  return exitCodeOf(error);
}

function printError(code: string, message: string): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
