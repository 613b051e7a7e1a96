/**
 * The process that a model runs in: a crash in native code, or a hostile model file, ends this process and not the node.
 * Optional argument: the directory for Node's compile cache.
 */
import { followParent } from './leash.ts';
import type { FromChild, ToChild } from './messages.ts';

followParent();

const send = (message: FromChild) => {
  if (process.connected) process.send?.(message);
};
// Before anything of a model file is read.
const modules = Promise.all([
  import('./native/deny-network.ts'),
  import('./child-engine.ts'),
  import('./heartbeat.ts'),
]);
const engine = modules.then(([{ denyNetwork }, { ChildEngine }, { startHeartbeat }]) => {
  const isOffline = denyNetwork();
  return new ChildEngine({ send, isOffline, heartbeat: startHeartbeat() });
});

process.on('message', (message: ToChild) => {
  void engine.then((ready) => ready.handle(message));
});
