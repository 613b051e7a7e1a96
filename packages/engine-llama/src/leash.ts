import { enableCompileCache } from 'node:module';

/**
 * Makes this child process follow its parent: it ends when the parent closes the channel or dies, and not by a signal to the
 * whole process group, because the parent ends it after its answers. The first argument is the directory of Node's compile cache.
 */
export function followParent(): void {
  const [, , compileCacheDirectory] = process.argv;
  if (compileCacheDirectory !== undefined) enableCompileCache(compileCacheDirectory);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  process.once('disconnect', () => process.exit());
}
