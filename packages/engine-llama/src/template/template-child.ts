/**
 * The process that a model's chat template runs in. A template is a program that may run forever, fill all memory or crash
 * llama.cpp's Jinja engine: that ends this process, and neither the model's nor the node's.
 * Optional argument: the directory for Node's compile cache.
 */
import { followParent } from '../leash.ts';
import type { FromTemplate, ToTemplate } from './messages.ts';

followParent();

// Before anything of a template is read.
const modules = Promise.all([import('../native/deny-network.ts'), import('./renderer.ts')]);
const renderer = modules.then(([{ denyNetwork }, { Renderer }]) => {
  denyNetwork();
  return new Renderer();
});

process.on('message', (message: ToTemplate) => {
  const send = (answer: FromTemplate) => {
    if (process.connected) process.send?.(answer);
  };
  void renderer.then((ready) => send(ready.handle(message)));
});
