import { CommanderError } from 'commander';
import { printableText } from '@shoal/host/printable';
import { ShoalError } from '@shoal/protocol';
import { EXIT, exitCodeOf } from './cli-error.ts';
import { createProgram } from './program.ts';

/** Runs one `shoal` command; the result is the exit code. */
export async function main(words: readonly string[]): Promise<number> {
  // A reader that has seen enough (`shoal peers | head -1`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // Who has something to tidy up does so as for Ctrl-C.
    if (!process.emit('SIGINT')) process.exit(EXIT.ok);
  });
  const json = wantsJson(words);
  let exitCode: number = EXIT.ok;
  try {
    const program = createProgram({ quiet: json, finish: (code) => (exitCode = code) });
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    return fail(error, json);
  }
}

/** Known before the words are parsed, because an error in them is a document too. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).includes('--json');
}

function fail(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has said it already, where it speaks at all; help and version are no errors.
    if (error.exitCode === 0) return EXIT.ok;
    if (json) printError('INVALID_REQUEST', error.message.replace(/^error: /, ''));
    return EXIT.usage;
  }
  const known = ShoalError.from(error);
  if (json) printError(known.code, known.message);
  else process.stderr.write(`shoal: ${printableText(known.message)}\n`);
  if (known.code === 'INTERNAL' && known.cause !== undefined) process.stderr.write(`${describe(known.cause)}\n`);
  return exitCodeOf(error);
}

function printError(code: string, message: string): void {
  process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
