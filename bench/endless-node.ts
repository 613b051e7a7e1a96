/**
 * A whole node but for its engine, which speaks as fast as it is listened to and never ends: what fills memory first where
 * a stalled reader does not hold it back. It tells its memory (`memory-probe.ts`). Its arguments: BOOTSTRAP CLUSTER.
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
      // Sockets and timers get their turn.
      if (token % TOKENS_PER_BREATH === 0) await setImmediate();
      yield { type: 'text', text: 'word ', tokens: [token] };
    }
    yield { type: 'finish', reason: 'abort', rawReason: 'signal' };
  },
  close: () => Promise.resolve(),
};

await serve({
  home: locateHome(process.env),
  launch: launchSettings({ name: 'Worker', port: 0, bootstrap: [bootstrap], clusters: [cluster] }, {}),
  createNode: (options) => createNode({ ...options, engine }),
});
