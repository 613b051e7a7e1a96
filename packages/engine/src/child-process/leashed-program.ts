import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { errorCode } from '@shoal/files/error-code';
import { Child } from './child.ts';

/** Milliseconds that a program has to end by itself; the shell around it waits as long before it kills the program. */
const EXIT_GRACE_MS = 2_000;
/** The file descriptor of the leash: the shell writes the program's process id to it, and waits for its end. */
const LEASH = 3;

/**
 * Runs a program that must not outlive this process, even if this process is killed: the operating system then closes this
 * end of the leash, and the shell that waits at the other end ends the program. This works on every system with a POSIX
 * shell; `prctl` and `setpriv --pdeathsig` exist on Linux only.
 */
const SHELL = '/bin/sh';
const SCRIPT = `
folder=$1
shift
"$@" 3<&- </dev/null &
program=$!
( echo "$program" >&3 ) 2>/dev/null
( read -r _ <&3; kill -TERM "$program"; sleep ${EXIT_GRACE_MS / 1_000}; kill -KILL "$program" ) >/dev/null 2>&1 &
watch=$!
wait "$program"
code=$?
kill "$watch" 2>/dev/null
rm -rf "$folder"
exit "$code"`;

export interface ProgramCommand {
  /** A folder of the program's own, which is removed when the program has ended. */
  readonly folder: string;
  readonly binary: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

export interface LeashedProgram {
  readonly child: Child;
  /** The program's process id; undefined if it could not be started. */
  readonly pid: Promise<number | undefined>;
}

/** Starts a program in a process of its own, which ends when this process does. */
export function startLeashedProgram(command: ProgramCommand, onLine: (line: string) => void): LeashedProgram {
  const { folder, binary, args, environment } = command;
  // A process group of its own: Ctrl-C at the terminal does not reach it, and a kill reaches all of it.
  const shell = spawn(SHELL, ['-c', SCRIPT, basename(binary), folder, binary, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const channel = shell.stdio[LEASH];
  const leash = channel !== null && channel !== undefined && 'read' in channel ? channel : undefined;
  const kill = () => {
    if (shell.pid !== undefined) killGroup(shell.pid);
  };
  const child = new Child(shell, { release: () => leash?.destroy(), kill, exitGraceMs: EXIT_GRACE_MS, onLine });
  void child.ended.then(() => leash?.destroy());
  return { child, pid: firstNumber(leash) };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It has ended already.
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function firstNumber(stream: Readable | undefined): Promise<number | undefined> {
  if (stream === undefined) return undefined;
  // A broken leash has no number. The end of the process explains why it broke.
  stream.on('error', () => stream.destroy());
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  stream.once('data', (bytes: Buffer) => resolve(Number.parseInt(bytes.toString(), 10) || undefined));
  stream.once('close', () => resolve(undefined));
  return promise;
}
