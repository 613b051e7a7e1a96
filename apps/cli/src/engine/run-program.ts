import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol';

/** A program that is told to end may take so long before it is killed. */
const END_GRACE_MS = 3_000;
/** The last words that are kept to say why a program failed. */
const LAST_WORDS_LENGTH = 4_000;
const SHOWN_LINES = 12;
/** What a program says beyond it is not kept. */
const OUTPUT_LENGTH_MAX = 1024 * 1024;

export interface ProgramOptions {
  readonly signal: AbortSignal;
  readonly folder?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * Runs a program to its end and answers with what it said on stdout. An abort ends it with everything that it started.
 * Throws the signal's reason then, and `GENERATION_FAILED` with its last words where it fails.
 */
export async function runProgram(program: string, words: readonly string[], options: ProgramOptions): Promise<string> {
  const { signal, folder, environment = process.env, onLine } = options;
  signal.throwIfAborted();
  const child = spawn(program, [...words], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: a compiler's children end with it.
    detached: process.platform !== 'win32',
  });
  const end = (): void => endGroup(child.pid, 'SIGTERM');
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    end();
    timer = setTimeout(() => endGroup(child.pid, 'SIGKILL'), END_GRACE_MS);
  };
  signal.addEventListener('abort', abort, { once: true });
  let said = '';
  let lastWords = '';
  const hear = (text: string): void => void (lastWords = (lastWords + text).slice(-LAST_WORDS_LENGTH));
  eachPiece(
    child.stdout,
    (text) => {
      if (onLine === undefined) said = (said + text).slice(0, OUTPUT_LENGTH_MAX);
      hear(text);
    },
    onLine,
  );
  eachPiece(child.stderr, hear, onLine);
  try {
    const [code, endedBy]: unknown[] = await once(child, 'close');
    signal.throwIfAborted();
    if (code === 0) return said;
    throw failed(program, typeof endedBy === 'string' ? endedBy : `exit code ${String(code)}`, lastWords);
  } catch (error) {
    if (error instanceof ShoalError || signal.aborted) throw error;
    throw failed(program, error instanceof Error ? error.message : String(error), lastWords);
  } finally {
    signal.removeEventListener('abort', abort);
    clearTimeout(timer);
  }
}

function eachPiece(stream: Readable, take: (text: string) => void, onLine?: (line: string) => void): void {
  let unfinished = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    take(text);
    if (onLine === undefined) return;
    const lines = (unfinished + text).split(/[\r\n]+/);
    unfinished = (lines.pop() ?? '').slice(-LAST_WORDS_LENGTH);
    for (const line of lines) onLine(line);
  });
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch (error) {
    // It went before it could be told to.
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

function failed(program: string, how: string, lastWords: string): ShoalError {
  const shown = lastWords.trim().split('\n').slice(-SHOWN_LINES).join('\n');
  return new ShoalError('GENERATION_FAILED', `${program} failed (${how}).${shown === '' ? '' : `\n${shown}`}`);
}
