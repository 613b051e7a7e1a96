/**
 * A whole node but for its engine, which speaks at a given pace: what a test needs to stop a worker in the middle of an
 * answer. It lends a model file, or says the prompt again under a digest of that one digit.
 */
import { parseArgs } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import type { Engine } from '@shoal/engine';
import { createEcho } from '@shoal/engine/echo';
import { createLlama } from '@shoal/engine-llama';
import { serve } from '@shoal/node';
import { launchSettings } from '@shoal/host/launch-settings';
import { locateHome } from '@shoal/host/home';
import { createNode } from '../../apps/node/src/node.ts';

const { values } = parseArgs({
  options: {
    name: { type: 'string' },
    bootstrap: { type: 'string', multiple: true },
    cluster: { type: 'string', multiple: true },
    'tokens-per-second': { type: 'string' },
    digit: { type: 'string', default: '0' },
    'model-path': { type: 'string' },
  },
});
const { name, bootstrap, cluster: clusters, digit, 'model-path': modelPath } = values;

/** Each text waits as long as its tokens take at this pace; a word of the echo counts as one. */
function paced(engine: Engine, tokensPerSecond: number): Engine {
  return {
    name: engine.name,
    abilities: engine.abilities,
    models: async () => (await engine.models()).map((model) => ({ digest: `sha256:${digit.repeat(64)}`, ...model })),
    async *generate(request, signal) {
      for await (const event of engine.generate(request, signal)) {
        if (event.type === 'text') await wait((1_000 * Math.max(1, event.tokens.length)) / tokensPerSecond);
        yield event;
      }
    },
    close: () => engine.close(),
  };
}

const engine =
  modelPath === undefined ? createEcho({ slots: 1 }) : createLlama({ modelPath, slots: 1, threads: 1, gpuLayers: 0 });

await serve({
  home: locateHome(process.env),
  // A node that lends opens its doors; the engine that it would lend is replaced.
  launch: launchSettings({ name, bootstrap, clusters, port: 0, queue: 0, lend: true, model: 'echo' }, {}),
  createNode: (options) => createNode({ ...options, engine: paced(engine, Number(values['tokens-per-second'])) }),
});
