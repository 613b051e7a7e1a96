/** A complete node with the scripted engine as its own, so that a test can kill it during an answer. */
import { parseArgs } from 'node:util';
import { launchSettings } from '@shoal/host/launch-settings';
import { locateHome } from '@shoal/host/home';
import { serve } from '@shoal/node';
import { createNode } from '../../apps/node/src/node.ts';
import { createScripted } from './scripted-engine.ts';

const { values } = parseArgs({
  options: {
    name: { type: 'string' },
    bootstrap: { type: 'string', multiple: true },
    cluster: { type: 'string', multiple: true },
    'words-per-second': { type: 'string' },
  },
});
const { name, bootstrap, cluster: clusters, 'words-per-second': speed } = values;
const engine = createScripted(speed === undefined ? {} : { wordsPerSecond: Number(speed) });

await serve({
  home: locateHome(process.env),
  // A lending node opens its doors; its engine is replaced.
  launch: launchSettings({ name, bootstrap, clusters, port: 0, lend: true, model: 'echo' }, {}),
  createNode: (options) =>
    createNode({ ...options, engine, limits: { ...options.limits, slots: engine.abilities.slots } }),
});
