/**
 * A complete node whose engine generates as fast as its reader allows and never ends. Without backpressure from a stalled
 * reader, it fills the memory fastest. It reports its memory (`memory-probe.ts`). Arguments: BOOTSTRAP CLUSTER.
 */
import { setImmediate } from 'node:timers/promises';
import type { Engine } from '@shoal/engine';
import { serve } from '@shoal/node';
import { launchSettings } from '@shoal/host/launch-settings';
import { locateHome } from '@shoal/host/home';
import { createNode } from '../apps/node/src/node.ts';
import './memory-probe.ts';

const TOKENS_PER_BREATH = 64;

const [bootstrap, cluster] = process.argv.slice(2);

const engine: Engine = {
  name: 'endless',
  abilities: { slots: 1, resume: 'none' },
  models: () => Promise.resolve([{ id: 'endless' }]),
  async *generate(_request, signal) {
    for (let token = 0; !signal.aborted; token++) {
      // Lets sockets and timers run.
      if (token % TOKENS_PER_BREATH === 0) await setImmediate();
      yield { type: 'text', text: 'word ', tokens: [token] };
    }
    yield { type: 'finish', reason: 'abort', rawReason: 'signal' };
  },
  close: () => Promise.resolve(),
};

await serve({
  home: locateHome(process.env),
  launch: launchSettings(
    { name: 'Worker', port: 0, bootstrap: [bootstrap], clusters: [cluster], lend: true, model: 'echo' },
    {},
  ),
  createNode: (options) => createNode({ ...options, engine }),
});
