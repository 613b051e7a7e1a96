/**
 * A complete node whose engine is a slowed-down echo. All slots together complete 50 answers of two words per second.
 * Arguments: NAME BOOTSTRAP CLUSTER.
 */
import { createEcho } from '@shoal/engine/echo';
import { serve } from '@shoal/node';
import { launchSettings } from '@shoal/host/launch-settings';
import { locateHome } from '@shoal/host/home';
import { createNode } from '../apps/node/src/node.ts';

/** The first word is sent at once, the second after 0.1 s. */
const TOKENS_PER_SECOND = 10;
const SLOTS = 5;

const [name, bootstrap, cluster] = process.argv.slice(2);

const engine = createEcho({ slots: SLOTS, tokensPerSecond: TOKENS_PER_SECOND });

await serve({
  home: locateHome(process.env),
  launch: launchSettings(
    { name, port: 0, slots: SLOTS, bootstrap: [bootstrap], clusters: [cluster], lend: true, model: 'echo' },
    {},
  ),
  createNode: (options) => createNode({ ...options, engine }),
});
