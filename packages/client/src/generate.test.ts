import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type InferenceEvent, type InferenceRequest, ShoalError } from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import { createDht, type Dht, localDht, type LocalDht } from '@shoal/transport/dht';
import { Cancellation } from './cancel.ts';
import { Discovery } from './discovery.ts';
import { Network } from './network.ts';
import { type GenerateInput, Shoal } from './shoal.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const FINISH: InferenceEvent = {
  type: 'finish',
  reason: 'stop',
  rawReason: 'eos',
  usage: { promptTokens: 2, completionTokens: 1 },
};
const text = (words: string, token: number): InferenceEvent => ({ type: 'text', text: words, tokens: [token] });

let local: LocalDht;
let dht: Dht;
const open: { close(): Promise<void> }[] = [];
let lastCluster = 0;

before(async () => {
  local = await localDht(3);
  dht = createDht({ bootstrap: local.bootstrap });
});

after(async () => {
  await Promise.all(open.map((network) => network.close()));
  await dht.close();
  await local.close();
});

type Serve = (exchange: Exchange) => unknown;

interface WorkerOptions {
  readonly slots?: number;
  readonly digest?: string;
  readonly active?: number;
}

/** A lending peer whose answers the test writes. */
function lend(
  cluster: string,
  name: string,
  serve: Serve,
  { slots = 4, digest = DIGEST, active = 0 }: WorkerOptions = {},
): Network {
  const network = new Network({
    dht,
    describe: () => ({ name, lends: true, models: [{ id: 'tiny', digest }], capacity: { slots, queue: 1 } }),
    status: () => ({ health: 100, active, queued: 0, slots }),
    paddedTopics: false,
    onRequest: (exchange) => void serve(exchange),
  });
  network.join(cluster);
  open.push(network);
  return network;
}

/** A client that knows as many peers in a new cluster as the test says. */
async function client(cluster: string, peers: number): Promise<Shoal> {
  const network = new Network({
    dht,
    describe: () => ({ name: 'client', lends: false, models: [] }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
    paddedTopics: false,
  });
  open.push(network);
  network.join(cluster);
  const known = Promise.withResolvers<void>();
  const stop = network.onChange(() => {
    const ready = network.peers().filter(({ info }) => info.status !== undefined);
    if (ready.length >= peers) known.resolve();
  });
  if (peers > 0) await known.promise;
  stop();
  return new Shoal(network, dht);
}

const newCluster = (): string => `test-${(lastCluster += 1)}`;

async function run(shoal: Shoal, input: Partial<GenerateInput> = {}): Promise<{ words: string; seen: string[] }> {
  let words = '';
  const seen: string[] = [];
  for await (const event of shoal.generate({ prompt: 'Hi', ...input })) {
    if (event.type === 'text') words += event.text;
    seen.push(event.type === 'worker' ? event.name : event.type === 'error' ? event.error.code : event.type);
  }
  return { words, seen };
}

test('an answer says who gives it, then streams, then ends', async () => {
  const cluster = newCluster();
  lend(cluster, 'A', async (exchange) => {
    for (const event of [text('fo', 1), text('ur', 2), FINISH]) await exchange.send(event);
  });
  assert.deepEqual(await run(await client(cluster, 1)), { words: 'four', seen: ['A', 'text', 'text', 'finish'] });
});

test('a worker that refuses is not the last word: the next one is asked', async () => {
  const cluster = newCluster();
  const refuse: Serve = (exchange) => exchange.send({ type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.') });
  lend(cluster, 'A', refuse);
  lend(cluster, 'B', (exchange) => exchange.send(FINISH), { active: 3 });
  assert.deepEqual((await run(await client(cluster, 2))).seen, ['B', 'finish']);
});

test('where everybody refuses, the refusal is the answer', async () => {
  const cluster = newCluster();
  lend(cluster, 'A', (exchange) => exchange.send({ type: 'error', error: new ShoalError('OVERLOADED', 'Hot.') }));
  assert.deepEqual((await run(await client(cluster, 1))).seen, ['OVERLOADED']);
});

test('a request that no worker can take is not tried on the next', async () => {
  const cluster = newCluster();
  let asked = 0;
  const refuse: Serve = (exchange) => {
    asked += 1;
    return exchange.send({ type: 'error', error: ShoalError.contextExceeded(600, 512) });
  };
  lend(cluster, 'A', refuse);
  lend(cluster, 'B', refuse);
  assert.deepEqual((await run(await client(cluster, 2))).seen, ['CONTEXT_EXCEEDED']);
  assert.equal(asked, 1);
});

test('a worker lost in mid-stream is gone on for by another with the same model, from exactly what was said', async () => {
  const cluster = newCluster();
  const resumed: InferenceRequest[] = [];
  const lost = lend(cluster, 'A', async (exchange) => {
    await exchange.send(text('one, ', 1));
    await exchange.send(text('two, ', 2));
    await lost.close();
  });
  lend(
    cluster,
    'B',
    async (exchange) => {
      resumed.push(exchange.request);
      await exchange.send(text('three', 3));
      await exchange.send(FINISH);
    },
    { active: 3 },
  );
  const { words, seen } = await run(await client(cluster, 2), { maxTokens: 10 });
  assert.equal(words, 'one, two, three');
  assert.deepEqual(seen, ['A', 'text', 'text', 'B', 'text', 'finish']);
  assert.deepEqual(resumed[0]?.resume, { text: 'one, two, ', tokens: [1, 2] });
  assert.equal(resumed[0]?.sampling.maxTokens, 8);
});

test('a worker with another model file does not go on with an answer: it ends with the error', async () => {
  const cluster = newCluster();
  const lost = lend(cluster, 'A', async (exchange) => {
    await exchange.send(text('one, ', 1));
    await lost.close();
  });
  lend(cluster, 'B', () => assert.fail('asked to go on'), { active: 3, digest: `sha256:${'b'.repeat(64)}` });
  assert.deepEqual((await run(await client(cluster, 2))).seen, ['A', 'text', 'WORKER_LOST']);
});

test('an unknown model is refused by naming those that exist', async () => {
  const cluster = newCluster();
  lend(cluster, 'A', () => assert.fail('asked for a model that it lacks'));
  const shoal = await client(cluster, 1);
  await assert.rejects(shoal.text({ prompt: 'Hi', model: 'llama-405b' }), { code: 'MODEL_NOT_FOUND', message: /tiny/ });
});

test('a lending node that nobody else is with names its own models', async () => {
  const cluster = newCluster();
  const network = lend(cluster, 'A', () => {});
  const [self] = (await client(cluster, 1)).peers();
  const discovery = new Discovery(network, cluster, new Cancellation());
  assert.match(discovery.whyNobody('llama-405b', self).message, /there are: tiny/);
});

test('without a worker the error says so in one line', async () => {
  const shoal = await client(newCluster(), 0);
  await assert.rejects(shoal.text({ prompt: 'Hi' }), { code: 'HOST_OFFLINE', message: /no peer was found/ });
});

test('a client in no cluster is told so, and waits for nobody', async () => {
  const cluster = newCluster();
  const shoal = await client(cluster, 0);
  await shoal.leave(cluster);
  await assert.rejects(shoal.text({ prompt: 'Hi' }), { code: 'HOST_OFFLINE', message: /in no cluster/ });
});

test('a worker that appears while one is being looked for answers', async () => {
  const cluster = newCluster();
  const shoal = await client(cluster, 0);
  const answer = shoal.text({ prompt: 'Hi' });
  lend(cluster, 'A', async (exchange) => {
    await exchange.send(text('late', 1));
    await exchange.send(FINISH);
  });
  assert.equal(await answer, 'late');
});

test('a signal takes the request back from the worker, even while nothing comes', async () => {
  const cluster = newCluster();
  const asked = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<ShoalError>();
  lend(cluster, 'A', (exchange) => {
    exchange.onAbort(aborted.resolve);
    asked.resolve();
  });
  const abort = new AbortController();
  const answer = run(await client(cluster, 1), { signal: abort.signal });
  await asked.promise;
  abort.abort();
  assert.deepEqual((await answer).seen.at(-1), 'finish');
  await aborted.promise;
});

test('clusters of one DHT do not see each other, and one that is left is not seen any more', async () => {
  const [first, second] = [newCluster(), newCluster()];
  const a = lend(first, 'A', () => {});
  const b = lend(second, 'B', () => {});
  const shoal = await client(first, 1);
  assert.deepEqual(
    shoal.peers().map(({ info }) => info.name),
    ['A'],
  );
  const gone = Promise.withResolvers<void>();
  shoal.onChange(() => shoal.peers().length === 0 && gone.resolve());
  await a.leave(first);
  await gone.promise;
  assert.deepEqual([a.peers(), b.peers()], [[], []]);
});

test('a prompt must be one of the kinds of input', () => {
  const shoal = new Shoal(lend(newCluster(), 'A', () => {}));
  assert.throws(() => shoal.generate({}), { code: 'INVALID_REQUEST' });
  assert.throws(() => shoal.generate({ prompt: 'a', text: 'b' }), { code: 'INVALID_REQUEST' });
});
