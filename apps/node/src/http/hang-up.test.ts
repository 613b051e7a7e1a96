import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { generate, Generation } from '@shoal/client';
import type { Engine } from '@shoal/engine';
import { Network } from '@shoal/network';
import type { InferenceEvent } from '@shoal/protocol';
import { Worker } from '@shoal/worker';
import type { PromptRequest } from '../api.ts';
import { connectToSelf } from '../own-worker.ts';
import type { FakeNode } from '../testing/fake-node.ts';
import { openTestApi } from '../testing/test-api.ts';

/** An engine that generates a token whenever the test asks for one, and counts them. */
class SteppedEngine implements Engine {
  readonly name = 'stepped';
  readonly abilities = { slots: 1, resume: 'none' } as const;
  readonly aborted = Promise.withResolvers<void>();
  generated = 0;
  #step = Promise.withResolvers<void>();

  step(): void {
    this.#step.resolve();
    this.#step = Promise.withResolvers<void>();
  }

  models() {
    return Promise.resolve([{ id: 'tiny' }]);
  }

  async *generate(_request: unknown, signal: AbortSignal): AsyncGenerator<InferenceEvent> {
    signal.addEventListener('abort', () => this.aborted.resolve());
    while (!signal.aborted) {
      await this.#step.promise;
      this.generated += 1;
      yield { type: 'text', text: 'word ', tokens: [1] };
    }
  }

  close() {
    return Promise.resolve();
  }
}

for (const path of ['/v1/chat/completions', '/v1/responses', '/api/chat', '/v1/messages']) {
  test(`a client of ${path} that hangs up stops the worker within one token`, async (t) => {
    const engine = new SteppedEngine();
    const worker = await Worker.create({ engine, limits: { slots: 1, queue: 1, maxTokens: 1_000 }, health: () => 100 });
    const models = () => worker.models;
    const answer = worker.ownQueue.answer.bind(worker.ownQueue);
    const own = [connectToSelf({ key: 'own', name: 'Own', models, slots: 1, answer })];
    const network = new Network({
      describe: () => ({ name: 'Own', lends: false, models: [] }),
      status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
    });
    t.after(() => network.close());
    const { api } = await openTestApi(t, {}, (fake: FakeNode) => {
      fake.prompt = ({ request: asked }: PromptRequest) =>
        new Generation((cancellation) => generate({ network, request: asked, random: () => 0, own }, cancellation));
    });
    const outgoing = request({
      host: '127.0.0.1',
      port: api.port,
      path,
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
    });
    const message = { role: 'user', content: 'Hi' };
    outgoing.end(JSON.stringify({ model: 'tiny', max_tokens: 99, stream: true, messages: [message], input: 'Hi' }));
    // The engine starts once the request has arrived.
    const steps = setInterval(() => engine.step(), 1);
    t.after(() => clearInterval(steps));
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    await once(response, 'data');
    clearInterval(steps);

    const before = engine.generated;
    outgoing.destroy();
    await engine.aborted.promise;
    engine.step();
    await worker.scheduler.drained();
    assert.ok(engine.generated - before <= 1, `${engine.generated - before} tokens after the client has left`);
  });
}
