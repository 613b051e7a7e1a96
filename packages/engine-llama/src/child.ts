/**
 * The process that a model runs in: a crash in native code, or a hostile model file, takes this process down and not the
 * node. Its first argument is the directory for Node's compile cache, or nothing.
 */
import { enableCompileCache } from 'node:module';
import type { FromChild, ToChild } from './messages.ts';

const [, , compileCacheDirectory] = process.argv;
if (compileCacheDirectory !== undefined) enableCompileCache(compileCacheDirectory);

// Ctrl-C and a service manager's signal reach the whole group; when to end is the parent's to say, which lets answers end first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
// Without its parent it has nobody to work for.
process.once('disconnect', () => process.exit());

const send = (message: FromChild) => {
  if (process.connected) process.send?.(message);
};
const host = import('./child-engine.ts').then(({ ChildEngine }) => new ChildEngine(send));

process.on('message', (message: ToChild) => {
  void host.then((ready) => ready.handle(message));
});
