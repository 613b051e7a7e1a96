/**
 * A whole node but for its engine: an echo with so many slots, each of which takes so long for an answer of two words that
 * together they do 50 a second. Its arguments: NAME BOOTSTRAP CLUSTER.
 */
import { createEcho } from '@shoal/engine/echo';
import { serve } from '@shoal/node';
import { launchSettings } from '@shoal/host/launch-settings';
import { locateHome } from '@shoal/host/home';
import { createNode } from '../apps/node/src/node.ts';

/** The first word is said at once, the second after a tenth of a second. */
const TOKENS_PER_SECOND = 10;
const SLOTS = 5;

const [name, bootstrap, cluster] = process.argv.slice(2);

const engine = createEcho({ slots: SLOTS, tokensPerSecond: TOKENS_PER_SECOND });

await serve({
  home: locateHome(process.env),
  launch: launchSettings({ name, port: 0, slots: SLOTS, bootstrap: [bootstrap], clusters: [cluster] }, {}),
  createNode: (options) => createNode({ ...options, engine }),
});
