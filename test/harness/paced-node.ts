/**
 * A complete node whose engine generates at a fixed speed, so that a test can stop a worker during an answer. It lends a
 * model file, or an echo whose digest consists of the given digit.
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

/** Delays each text by the time of its tokens at this speed; a word of the echo counts as one token. */
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
  // A lending node opens its doors; its engine is replaced.
  launch: launchSettings({ name, bootstrap, clusters, port: 0, queue: 0, lend: true, model: 'echo' }, {}),
  createNode: (options) => createNode({ ...options, engine: paced(engine, Number(values['tokens-per-second'])) }),
});
