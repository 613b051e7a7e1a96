import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { Child } from '@shoal/engine/child-process/child';
import { childEnvironment } from '@shoal/engine/child-process/environment';

/** Milliseconds that a child has to end by itself. */
const CHILD_EXIT_GRACE_MS = 500;

/** Starts one of this package's child processes, which is listed in its exports. The IPC channel is the leash. */
export function forkChild(
  name: 'child' | 'template-child',
  cacheDirectory: string | undefined,
): { readonly fork: ChildProcess; readonly child: Child } {
  const entry = new URL(import.meta.resolve(`@shoal/engine-llama/${name}`));
  const compileCache = cacheDirectory === undefined ? [] : [join(cacheDirectory, 'compiled')];
  // An assertion of ggml would start a debugger to print a backtrace, which takes seconds.
  const env = { ...childEnvironment('llama'), GGML_NO_BACKTRACE: '1' };
  const forked = fork(entry, compileCache, { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'] });
  const child = new Child(forked, {
    release: () => {
      if (forked.connected) forked.disconnect();
    },
    kill: () => forked.kill('SIGKILL'),
    exitGraceMs: CHILD_EXIT_GRACE_MS,
  });
  return { fork: forked, child };
}
