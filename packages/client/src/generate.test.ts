import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Ability, type InferenceEvent, isTerminal, type ModelInfo, ndjsonFramer } from '@shoal/protocol';
import { encodeObject, parseObject } from '@shoal/protocol/json';
import { hashedTopic } from '@shoal/protocol/opengateway';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Exchange } from '@shoal/transport';
import { createSwarm } from '@shoal/transport/hyperswarm';
import { createDht, type Dht, localDht, type LocalDht } from '@shoal/transport/dht';
import { Cancellation } from './cancel.ts';
import { Discovery } from './discovery.ts';
import { generate } from './generate.ts';
import { Generation, type GenerationEvent } from './generation.ts';
import { Network } from '@shoal/network';
import { type GenerateInput, Shoal } from './shoal.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const FINISH: InferenceEvent = {
  type: 'finish',
  reason: 'stop',
  rawReason: 'eos',
  usage: { promptTokens: 2, completionTokens: 1 },
};
const text = (piece: string, token: number): InferenceEvent => ({ type: 'text', text: piece, tokens: [token] });

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
  readonly slots?: number | undefined;
  readonly digest?: string | undefined;
  readonly active?: number | undefined;
  readonly abilities?: readonly Ability[] | undefined;
}

/** A lending peer that answers with the test's function. */
function lend(
  cluster: string,
  name: string,
  serve: Serve,
  { slots = 4, digest = DIGEST, active = 0, abilities }: WorkerOptions = {},
): Network {
  const model: ModelInfo = { id: 'tiny', digest, abilities };
  const network = new Network({
    dht,
    describe: () => ({ name, lends: true, models: [model], capacity: { slots, queue: 1 } }),
    status: () => ({ health: 100, active, queued: 0, slots }),
    paddedTopics: false,
    onRequest: (exchange) => void serve(exchange),
  });
  network.join(cluster);
  open.push(network);
  return network;
}

/** A client that has found the given number of peers in a new cluster. */
async function client(cluster: string, peers: number): Promise<Shoal> {
  return new Shoal(await asker(cluster, peers), dht);
}

async function asker(cluster: string, peers: number): Promise<Network> {
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
  return network;
}

/** An OpenGateway node of an early version: it sends no hello, and its answers have no id. */
function answerEarly(cluster: string, answer: (prompt: string) => string): readonly string[] {
  const prompts: string[] = [];
  const swarm = createSwarm({
    dht,
    maxConnections: 8,
    onConnection(connection) {
      const framer = ndjsonFramer(10_000);
      const data = (bytes: Uint8Array): void => {
        framer.push(bytes, (body) => {
          const { type, prompt } = parseObject(body);
          if (type !== 'inference_request') return;
          prompts.push(String(prompt));
          const response = { type: 'inference_response', response: answer(String(prompt)) };
          connection.send(framer.encode(encodeObject(response)));
        });
      };
      connection.open({ data, drain: () => {}, close: () => {} });
    },
  });
  swarm.join(hashedTopic(cluster), { server: true, client: true });
  open.push(swarm);
  return prompts;
}

const newCluster = (): string => `test-${(lastCluster += 1)}`;

async function run(shoal: Shoal, input: Partial<GenerateInput> = {}): Promise<{ output: string; seen: string[] }> {
  let output = '';
  const seen: string[] = [];
  for await (const event of shoal.generate({ prompt: 'Hi', ...input })) {
    if (event.type === 'text') output += event.text;
    seen.push(event.type === 'worker' ? event.name : event.type === 'error' ? event.error.code : event.type);
  }
  return { output, seen };
}

test('an answer names its worker, then streams, then ends', async () => {
  const cluster = newCluster();
  lend(cluster, 'A', async (exchange) => {
    for (const event of [text('fo', 1), text('ur', 2), FINISH]) await exchange.send(event);
  });
  assert.deepEqual(await run(await client(cluster, 1)), { output: 'four', seen: ['A', 'text', 'text', 'finish'] });
});

test('if a worker refuses, the next one is asked', async () => {
  const cluster = newCluster();
  const refuse: Serve = (exchange) => exchange.send({ type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.') });
  lend(cluster, 'A', refuse);
  lend(cluster, 'B', (exchange) => exchange.send(FINISH), { active: 3 });
  assert.deepEqual((await run(await client(cluster, 2))).seen, ['B', 'finish']);
});

test('an invalid request is not sent to the next worker', async () => {
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

/** The events of an answer without its workers. */
async function eventsOf(network: Network, asked: Partial<InferenceRequest>): Promise<GenerationEvent[]> {
  const request = { input: promptInput('Hi'), sampling: {}, stop: [], ...asked };
  const options = { network, request, random: Math.random };
  const events: GenerationEvent[] = [];
  for await (const event of new Generation((cancellation) => generate(options, cancellation))) {
    if (event.type !== 'worker') events.push(event.type === 'finish' ? { ...event, outputSha256: '' } : event);
  }
  return events;
}

/** A worker that sends these events and disconnects, and another with the same model that records its request and answers. */
function loseOne(cluster: string, first: readonly InferenceEvent[], then: readonly InferenceEvent[]) {
  const asked: InferenceRequest[] = [];
  const say: Serve = async (exchange) => {
    for (const event of first) await exchange.send(event);
    if (!first.some(isTerminal)) await lost.close();
  };
  const lost = lend(cluster, 'A', say, { abilities: ['messages', 'tools', 'embeddings'] });
  const second: Serve = async (exchange) => {
    asked.push(exchange.request);
    for (const event of then) await exchange.send(event);
  };
  lend(cluster, 'B', second, { active: 3, abilities: ['messages', 'tools', 'embeddings'] });
  return asked;
}

const tools = [{ name: 'add' }];
const CALL: InferenceEvent = { type: 'tool_call', index: 0, id: 'a', name: 'add', arguments: '{"a":', tokens: [1, 2] };
const CALLED: InferenceEvent = { ...FINISH, reason: 'tool_calls', outputSha256: '' };

test('a tool call of a lost worker is continued from its tokens, under its name', async () => {
  const cluster = newCluster();
  const rest: InferenceEvent = { type: 'tool_call', index: 0, arguments: '1}', tokens: [3] };
  const asked = loseOne(cluster, [CALL], [{ ...rest, id: 'b', name: 'add' }, CALLED]);
  const network = await asker(cluster, 2);
  const usage = { promptTokens: 2, completionTokens: 3 };
  assert.deepEqual(await eventsOf(network, { tools, sampling: { maxTokens: 10 } }), [CALL, rest, { ...CALLED, usage }]);
  assert.deepEqual(asked[0]?.resume, { text: '', tokens: [1, 2] });
  assert.equal(asked[0]?.sampling.maxTokens, 8);
});

test('an answer that is lost in its reasoning is continued from its tokens', async () => {
  const cluster = newCluster();
  const begun: InferenceEvent = { type: 'reasoning', text: 'Two and', tokens: [1, 2] };
  const rest: InferenceEvent = { type: 'reasoning', text: ' two.', tokens: [3] };
  const end: InferenceEvent = { ...FINISH, outputSha256: '' };
  const asked = loseOne(cluster, [begun], [rest, text('4', 4), end]);
  const usage = { promptTokens: 2, completionTokens: 4 };
  const request = { reasoning: true, sampling: { maxTokens: 10 } };
  const events = await eventsOf(await asker(cluster, 2), request);
  assert.deepEqual(events, [begun, rest, text('4', 4), { ...end, usage }]);
  assert.deepEqual(asked[0]?.resume, { text: '', tokens: [1, 2] });
  assert.deepEqual([asked[0]?.sampling.maxTokens, asked[0]?.reasoning], [8, true]);
});

test('embeddings of a lost worker are computed again by another, and none is yielded twice', async () => {
  const cluster = newCluster();
  const embedding = (index: number): InferenceEvent => ({ type: 'embedding', index, vector: [index, 1] });
  const input = { type: 'embeddings', texts: ['a', 'b', 'c'] } as const;
  const end: InferenceEvent = { ...FINISH, usage: { promptTokens: 3, completionTokens: 0 }, outputSha256: '' };
  const asked = loseOne(cluster, [embedding(0), embedding(1)], [embedding(0), embedding(1), embedding(2), end]);
  assert.deepEqual(await eventsOf(await asker(cluster, 2), { input }), [embedding(0), embedding(1), embedding(2), end]);
  assert.deepEqual(
    asked.map((request) => request.input),
    [input],
  );
});

test('another worker with the same model continues the answer of a lost one exactly where it stopped', async () => {
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
  const { output, seen } = await run(await client(cluster, 2), { maxTokens: 10 });
  assert.equal(output, 'one, two, three');
  assert.deepEqual(seen, ['A', 'text', 'text', 'B', 'text', 'finish']);
  assert.deepEqual(resumed[0]?.resume, { text: 'one, two, ', tokens: [1, 2] });
  assert.equal(resumed[0]?.sampling.maxTokens, 8);
});

// Concurrent, because each test waits for a worker that does not appear.
suite('an answer without a worker', { concurrency: true }, () => {
  test('if all workers refuse, the last refusal is the error', async () => {
    const cluster = newCluster();
    lend(cluster, 'A', (exchange) => exchange.send({ type: 'error', error: new ShoalError('OVERLOADED', 'Hot.') }));
    assert.deepEqual((await run(await client(cluster, 1))).seen, ['OVERLOADED']);
  });

  test('only a worker whose model has the ability is asked, and without one the error names the ability', async () => {
    const cluster = newCluster();
    const never: Serve = () => assert.fail('asked for what its model cannot do');
    lend(cluster, 'A', never, { abilities: ['messages'] });
    const network = await asker(cluster, 1);
    const [error, ...more] = await eventsOf(network, { tools });
    assert.ok(error?.type === 'error' && more.length === 0);
    assert.equal(error.error.code, 'INVALID_REQUEST');
    assert.match(error.error.message, /"tiny" cannot .*: tools/);
    lend(cluster, 'B', (exchange) => exchange.send(FINISH), { active: 3, abilities: ['messages', 'tools'] });
    const found = Promise.withResolvers<void>();
    network.onChange(() => network.peers().length === 2 && found.resolve());
    await found.promise;
    assert.deepEqual(
      (await eventsOf(network, { tools })).map(({ type }) => type),
      ['finish'],
    );
  });

  test('a worker with another model file does not continue an answer: it ends with the error', async () => {
    const cluster = newCluster();
    const lost = lend(cluster, 'A', async (exchange) => {
      await exchange.send(text('one, ', 1));
      await lost.close();
    });
    lend(cluster, 'B', () => assert.fail('asked to go on'), { active: 3, digest: `sha256:${'b'.repeat(64)}` });
    const [worker, piece, end, ...more] = await Array.fromAsync((await client(cluster, 2)).generate({ prompt: 'Hi' }));
    assert.deepEqual([worker?.type, piece?.type, more], ['worker', 'text', []]);
    assert.ok(end?.type === 'error');
    assert.equal(end.error.code, 'WORKER_LOST');
    assert.equal(
      end.error.message,
      'The answer is incomplete: A failed in the middle of it (The connection to the worker was lost). ' +
        'Nobody took over, because no other worker with the same model file was found. Ask again.',
    );
  });

  test('the refusal of an unknown model names the known ones', async () => {
    const cluster = newCluster();
    lend(cluster, 'A', () => assert.fail('asked for a model that it lacks'));
    const shoal = await client(cluster, 1);
    await assert.rejects(shoal.text({ prompt: 'Hi', model: 'llama-405b' }), {
      code: 'MODEL_NOT_FOUND',
      message: /tiny/,
    });
  });

  test('a member of an early version, which sends no hello, is asked if no other worker is found', async () => {
    const cluster = newCluster();
    const shoal = await client(cluster, 0);
    const prompts = answerEarly(cluster, (prompt) => `You said: ${prompt}`);
    // It is no member of this one.
    const other = newCluster();
    shoal.join(other);
    const [answer] = await Promise.all([
      shoal.text({ prompt: 'Hi', cluster }),
      assert.rejects(shoal.text({ prompt: 'Not for all', cluster: other }), { code: 'HOST_OFFLINE' }),
    ]);
    assert.equal(answer, 'You said: Hi');
    assert.deepEqual(prompts, ['Hi']);
  });

  test('without a worker the error has one line', async () => {
    const shoal = await client(newCluster(), 0);
    await assert.rejects(shoal.text({ prompt: 'Hi' }), { code: 'HOST_OFFLINE', message: /no peer was found/ });
  });
});

test('a lending node without peers names its own models', async () => {
  const cluster = newCluster();
  const network = lend(cluster, 'A', () => {});
  const discovery = new Discovery(network, cluster, new Cancellation());
  assert.match(discovery.noWorkerError('llama-405b', (await client(cluster, 1)).peers()).message, /there are: tiny/);
});

test('a client in no cluster gets an error without waiting', async () => {
  const cluster = newCluster();
  const shoal = await client(cluster, 0);
  await shoal.leave(cluster);
  await assert.rejects(shoal.text({ prompt: 'Hi' }), { code: 'HOST_OFFLINE', message: /in no cluster/ });
});

test('a worker that appears during the search answers', async () => {
  const cluster = newCluster();
  const shoal = await client(cluster, 0);
  const answer = shoal.text({ prompt: 'Hi' });
  lend(cluster, 'A', async (exchange) => {
    await exchange.send(text('late', 1));
    await exchange.send(FINISH);
  });
  assert.equal(await answer, 'late');
});

test('a signal aborts the request at the worker, even without events', async () => {
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

test('clusters of one DHT are separate, and members of a cluster that was left disappear', async () => {
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

test('an input must have exactly one kind', () => {
  const shoal = new Shoal(lend(newCluster(), 'A', () => {}));
  assert.throws(() => shoal.generate({}), { code: 'INVALID_REQUEST' });
  assert.throws(() => shoal.generate({ prompt: 'a', text: 'b' }), { code: 'INVALID_REQUEST' });
});
