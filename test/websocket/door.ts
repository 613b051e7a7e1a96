import { randomBytes } from 'node:crypto';
import { createEcho, type EchoOptions } from '@shoal/engine/echo';
import type { InferenceRequest } from '@shoal/protocol/request';
import { identityOf } from '@shoal/protocol/shoal';
import { Worker } from '@shoal/worker';
import { helloMessage } from '@shoal/network';
import { openPeerListener, type PeerListener, type PeerListenerOptions } from '@shoal/network/door';

/** A worker with one door and an echo engine. */
export interface EchoDoor extends PeerListener {
  readonly engine: {
    /** The received requests, in order. */
    readonly requests: readonly InferenceRequest[];
    /** Resolves when the engine is aborted during an answer. */
    readonly aborted: Promise<void>;
  };
}

export interface EchoDoorOptions extends Partial<PeerListenerOptions>, Pick<EchoOptions, 'tokensPerSecond'> {
  readonly name?: string | undefined;
  readonly clusters?: readonly string[] | undefined;
}

export async function openEchoDoor(options: EchoDoorOptions = {}): Promise<EchoDoor> {
  const { name = 'echo', clusters = [], tokensPerSecond, ...more } = options;
  const echo = createEcho(tokensPerSecond === undefined ? {} : { tokensPerSecond });
  const requests: InferenceRequest[] = [];
  const aborted = Promise.withResolvers<void>();
  const worker = await Worker.create({
    engine: {
      name: echo.name,
      abilities: echo.abilities,
      models: () => echo.models(),
      generate(request, signal) {
        requests.push(request);
        signal.addEventListener('abort', () => aborted.resolve());
        return echo.generate(request, signal);
      },
      close: () => echo.close(),
    },
    limits: { slots: 4, queue: 4, maxTokens: 100_000 },
    health: () => 100,
  });
  const { key } = identityOf(randomBytes(32));
  // All echoes are the same model, so one can continue the answer of a lost one.
  const models = worker.models.map((model) => ({ ...model, digest: `sha256:${'e'.repeat(64)}` }));
  const door = await openPeerListener({
    transport: 'websocket',
    host: '127.0.0.1',
    port: 0,
    hello: () => helloMessage({ name, lends: true, models }, { key, clusters, uptimeSeconds: 0 }),
    status: () => worker.status(),
    answer: (exchange) => worker.queue.answer(exchange),
    ...more,
  });
  return {
    ...door,
    engine: { requests, aborted: aborted.promise },
    async close() {
      await door.close();
      await worker.close(0);
    },
  };
}
