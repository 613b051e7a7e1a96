import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { encodeServerId, localLlmServerSession, type ServerInfo } from '@shoal/protocol/localllm';
import { type Exchange, Link } from '@shoal/transport';
import { createDht, type Dht, localDht, type LocalDht } from '@shoal/transport/dht';
import { createSwarm, type SwarmOptions } from '@shoal/transport/hyperswarm';
import type { GenerationEvent } from '../generation.ts';
import { connectLocalLlm } from './localllm.ts';

const INFO: ServerInfo = { hostName: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' };

let network: LocalDht;
let dht: Dht;

before(async () => {
  network = await localDht(3);
  dht = createDht({ bootstrap: network.bootstrap });
});

after(async () => {
  await dht.close();
  await network.close();
});

suite('a client of a LocalLLM host', { concurrency: true }, () => {
  test('refuses an invalid Server ID before it uses the network', async () => {
    // This bootstrap address would be an error too.
    await assert.rejects(connectLocalLlm('0OIl', { bootstrap: ['nowhere'] }), { code: 'INVALID_SERVER_ID' });
  });

  test('gets the greeting, and an answer with one terminal event', async () => {
    const host = await openHost((exchange) => {
      void exchange.send({ type: 'text', text: '4 🐟', tokens: [] });
      void exchange.send({ type: 'finish', reason: 'length', rawReason: 'maxTokens' });
    });
    const client = await connectLocalLlm(` ${host.serverId}\n`, { bootstrap: network.bootstrap });
    assert.deepEqual(client.host, { name: 'Dan’s MacBook', model: 'llama3.2', status: 'ready' });
    assert.deepEqual(await Array.fromAsync(client.chat('What is 2+2?')), [
      { type: 'worker', name: 'Dan’s MacBook', id: host.key },
      { type: 'text', text: '4 🐟', tokens: [] },
      { type: 'finish', reason: 'length', rawReason: 'truncated', model: 'llama3.2' },
    ]);
    for (const prompt of ['', 'x'.repeat(8_193)]) {
      assert.throws(() => client.chat(prompt), { code: 'BAD_MESSAGE' });
    }
    await client.close();
    await host.close();
  });

  test('rejects with HOST_OFFLINE if no host announces the Server ID', async () => {
    const serverId = encodeServerId(randomBytes(32));
    await assert.rejects(connectLocalLlm(serverId, { dht, searchMs: 300 }), { code: 'HOST_OFFLINE' });
  });

  test('names the DHT as the cause if it does not answer', async () => {
    const serverId = encodeServerId(randomBytes(32));
    await assert.rejects(connectLocalLlm(serverId, { bootstrap: ['127.0.0.1:9'], searchMs: 100 }), {
      code: 'HOST_OFFLINE',
      message: 'No node of the DHT answered (bootstrap 127.0.0.1:9).',
    });
  });

  test('rejects with CONNECT_FAILED if the host is found and cannot be reached', async () => {
    const host = await openHost(() => undefined, { allow: () => false });
    await assert.rejects(connectLocalLlm(host.serverId, { dht, searchMs: 1_000 }), { code: 'CONNECT_FAILED' });
    await host.close();
  });

  test('rejects with the reason of a host that refuses it', async () => {
    const full = new ShoalError('CONNECT_FAILED', 'Max clients reached');
    const host = await openHost(
      () => undefined,
      {},
      () => {
        throw full;
      },
    );
    await assert.rejects(connectLocalLlm(host.serverId, { dht }), { code: full.code, message: full.message });
    await host.close();
  });

  test('reports HOST_DISCONNECTED if the host disconnects during an answer, and HOST_OFFLINE if it is not found again', async () => {
    const host = await openHost((exchange) => void exchange.send({ type: 'text', text: 'Well', tokens: [] }));
    const client = await connectLocalLlm(host.serverId, { dht, searchMs: 1_000 });
    const events: GenerationEvent[] = [];
    for await (const event of client.chat('Hi')) {
      events.push(event);
      if (event.type === 'text') await host.close();
    }
    assert.deepEqual(events.map(nameOf), ['worker', 'text', 'HOST_DISCONNECTED']);
    for (let again = 0; again < 2; again += 1) {
      assert.deepEqual((await Array.fromAsync(client.chat('Hi'))).map(nameOf), ['HOST_OFFLINE']);
    }
    await client.close();
    assert.deepEqual((await Array.fromAsync(client.chat('Hi'))).map(nameOf), ['HOST_DISCONNECTED']);
  });

  test('a host that closes idle connections is connected to again for the next prompts, without an error', async () => {
    const host = await openHost((exchange) => {
      void exchange.send({ type: 'text', text: 'Well', tokens: [] });
      void exchange.send({ type: 'finish', reason: 'stop', rawReason: 'eos' });
    });
    const disconnected = Promise.withResolvers<void>();
    const log = (line: string): void => (line.startsWith('is disconnected') ? disconnected.resolve() : undefined);
    const client = await connectLocalLlm(host.serverId, { dht, log });
    const chat = async (): Promise<string[]> => (await Array.fromAsync(client.chat('Hi'))).map(nameOf);
    const answer = ['worker', 'text', 'finish'];
    assert.deepEqual(await chat(), answer);
    host.disconnect();
    await disconnected.promise;
    assert.deepEqual(await Promise.all([chat(), chat()]), [answer, answer]);
    // The prompt is sent before the client can know of the end.
    host.disconnect();
    assert.deepEqual(await chat(), answer);
    assert.equal(client.host.model, 'llama3.2');
    await client.close();
    await host.close();
  });

  test('a prompt is sent twice at most to a host that closes the connection at each', async () => {
    let asked = 0;
    const host = await openHost(() => {
      asked += 1;
      host.disconnect();
    });
    const client = await connectLocalLlm(host.serverId, { dht });
    assert.deepEqual((await Array.fromAsync(client.chat('Hi'))).map(nameOf), ['HOST_DISCONNECTED']);
    assert.equal(asked, 2);
    await client.close();
    await host.close();
  });

  test('a chat that is cancelled while the host is looked for again ends at once', async () => {
    const host = await openHost(() => undefined);
    const disconnected = Promise.withResolvers<void>();
    const log = (line: string): void => (line.startsWith('is disconnected') ? disconnected.resolve() : undefined);
    const client = await connectLocalLlm(host.serverId, { dht, log });
    await host.close();
    await disconnected.promise;
    const abort = new AbortController();
    const chat = Array.fromAsync(client.chat('Hi', { signal: abort.signal }));
    abort.abort();
    assert.deepEqual((await chat).map(nameOf), ['finish']);
    await client.close();
  });

  test('an abort ends the answer at once and reaches the host, and so does leaving the loop', async () => {
    let aborted = Promise.withResolvers<void>();
    const host = await openHost((exchange) => {
      exchange.onAbort(() => aborted.resolve());
      void exchange.send({ type: 'text', text: 'Well', tokens: [] });
    });
    const client = await connectLocalLlm(host.serverId, { dht });
    const abort = new AbortController();
    const events: GenerationEvent[] = [];
    for await (const event of client.chat('Hi', { signal: abort.signal })) {
      events.push(event);
      if (event.type === 'text') abort.abort();
    }
    const last = events.at(-1);
    assert.equal(last?.type === 'finish' && last.reason, 'abort');
    await aborted.promise;

    aborted = Promise.withResolvers();
    for await (const event of client.chat('Hi')) if (event.type === 'text') break;
    await aborted.promise;

    const late = await Array.fromAsync(client.chat('Hi', { signal: abort.signal }));
    assert.deepEqual(late.map(nameOf), ['finish']);
    await client.close();
    await host.close();
  });

  test('a deadline ends the answer of a silent host, which is told', async () => {
    const aborted = Promise.withResolvers<void>();
    const host = await openHost((exchange) => exchange.onAbort(() => aborted.resolve()));
    const client = await connectLocalLlm(host.serverId, { dht });
    const events = await Array.fromAsync(client.chat('Hi', { deadlineMs: 50 }));
    const [last] = events.slice(-1);
    assert.ok(last?.type === 'error' && last.error.code === 'DEADLINE_EXCEEDED');
    await aborted.promise;
    await client.close();
    await host.close();
  });

  test('a cancelled search ends at once', async () => {
    const abort = new AbortController();
    const connecting = connectLocalLlm(encodeServerId(randomBytes(32)), { dht, signal: abort.signal });
    abort.abort();
    await assert.rejects(connecting, { code: 'GENERATION_ABORTED' });
  });
});

interface Host {
  readonly serverId: string;
  /** In hex. */
  readonly key: string;
  readonly close: () => Promise<void>;
  /** Closes the connections of all clients. */
  readonly disconnect: () => void;
}

/** A host that is announced and runs the given function for each request. */
async function openHost(
  request: (exchange: Exchange) => void,
  options: Partial<SwarmOptions> = {},
  greet: () => ServerInfo = () => INFO,
): Promise<Host> {
  const topic = randomBytes(32);
  const open = new Set<Link>();
  const swarm = createSwarm({
    dht,
    maxConnections: 8,
    ...options,
    onConnection: (connection) => {
      const handlers = { peer: () => undefined, request, close: () => void open.delete(link) };
      const link = new Link(connection, localLlmServerSession({ greet }), handlers);
      open.add(link);
      link.start();
    },
  });
  await swarm.join(topic, { server: true, client: false }).announced();
  const disconnect = (): void => {
    for (const link of open) link.close();
  };
  return { serverId: encodeServerId(topic), key: swarm.publicKey, close: () => swarm.close(), disconnect };
}

function nameOf(event: GenerationEvent): string {
  return event.type === 'error' ? event.error.code : event.type;
}
