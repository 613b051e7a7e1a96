import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';

/** Time between SIGTERM and SIGKILL. */
const END_GRACE_MS = 3_000;
/** Length of the last output, which is kept for the error message. */
const LAST_OUTPUT_LENGTH = 4_000;
const SHOWN_LINES = 12;
/** Limit of the output that is kept. */
const OUTPUT_LENGTH_MAX = 1024 * 1024;

export interface ProgramOptions {
  readonly signal: AbortSignal;
  readonly folder?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * Runs a program and returns its stdout. An abort ends it with all its child processes and throws the signal's reason. Throws
 * `GENERATION_FAILED` with the last output if the program fails.
 */
export async function runProgram(program: string, args: readonly string[], options: ProgramOptions): Promise<string> {
  const { signal, folder, environment = process.env, onLine } = options;
  signal.throwIfAborted();
  const child = spawn(program, [...args], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group, so that a compiler's children can be ended, too.
    detached: process.platform !== 'win32',
  });
  const end = (): void => endGroup(child.pid, 'SIGTERM');
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    end();
    timer = setTimeout(() => endGroup(child.pid, 'SIGKILL'), END_GRACE_MS);
  };
  signal.addEventListener('abort', abort, { once: true });
  let output = '';
  let lastOutput = '';
  const keepLast = (text: string): void => void (lastOutput = (lastOutput + text).slice(-LAST_OUTPUT_LENGTH));
  eachPiece(
    child.stdout,
    (text) => {
      if (onLine === undefined) output = (output + text).slice(0, OUTPUT_LENGTH_MAX);
      keepLast(text);
    },
    onLine,
  );
  eachPiece(child.stderr, keepLast, onLine);
  try {
    const [code, exitSignal]: unknown[] = await once(child, 'close');
    signal.throwIfAborted();
    if (code === 0) return output;
    throw failed(program, typeof exitSignal === 'string' ? exitSignal : `exit code ${String(code)}`, lastOutput);
  } catch (error) {
    if (error instanceof ShoalError || signal.aborted) throw error;
    throw failed(program, error instanceof Error ? error.message : String(error), lastOutput);
  } finally {
    signal.removeEventListener('abort', abort);
    clearTimeout(timer);
  }
}

function eachPiece(stream: Readable, onText: (text: string) => void, onLine?: (line: string) => void): void {
  let unfinished = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    onText(text);
    if (onLine === undefined) return;
    const lines = (unfinished + text).split(/[\r\n]+/);
    unfinished = (lines.pop() ?? '').slice(-LAST_OUTPUT_LENGTH);
    for (const line of lines) onLine(line);
  });
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    // It has ended already.
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

function failed(program: string, how: string, lastOutput: string): ShoalError {
  const shown = lastOutput.trim().split('\n').slice(-SHOWN_LINES).join('\n');
  return new ShoalError('GENERATION_FAILED', `${program} failed (${how}).${shown === '' ? '' : `\n${shown}`}`);
}
