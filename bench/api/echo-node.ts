/**
 * A complete node whose engine is an echo with many slots, each at the same speed. SIGUSR2 prints its memory use.
 * Arguments: BOOTSTRAP SLOTS TOKENS_PER_SECOND.
 */
import { createEcho } from '@shoal/engine/echo';
import { serve } from '@shoal/node';
import { launchSettings } from '@shoal/host/launch-settings';
import { locateHome } from '@shoal/host/home';
import { createNode } from '../../apps/node/src/node.ts';
import '../memory-probe.ts';

const [bootstrap, slots, tokensPerSecond] = process.argv.slice(2);

const engine = createEcho({ slots: Number(slots), tokensPerSecond: Number(tokensPerSecond) });

await serve({
  home: locateHome(process.env),
  launch: launchSettings({ name: 'Node', port: 0, bootstrap: [bootstrap], lend: true, model: 'echo' }, {}),
  // More slots than a lender may set.
  createNode: (options) =>
    createNode({ ...options, engine, limits: { ...options.limits, slots: engine.abilities.slots } }),
});
