import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeServerId } from '@shoal/protocol/localllm';
import { createDht } from '@shoal/transport/dht';
import type { Program } from '../harness/program.ts';
import { FakeOllama } from '../../packages/engine/src/ollama/testing/fake-ollama.ts';
import { TestNetwork } from '../harness/test-network.ts';
import { atTerminal, documents, FixtureClient, type Message, runFixtureClient } from './fixture.ts';

const DEMO_MODEL = fileURLToPath(new URL('../../models/demo/shoal-demo.gguf', import.meta.url));
/** An idle host ends within this time. */
const END_MS = 2_000;

const network = await TestNetwork.open();
const dht = createDht({ bootstrap: [network.bootstrap] });
after(async () => {
  await dht.close();
  await network.close();
});

const host = share('host', '--model', DEMO_MODEL, '--name', 'Dan’s MacBook', '--json');
const { server_id: serverId, ...introduction } = await firstDocument(host);
const id = String(serverId);

function share(home: string, ...args: readonly string[]): Program {
  return network.begin(network.home(home), ['share', '--bootstrap', network.bootstrap, ...args]);
}

async function firstDocument(program: Program): Promise<{ readonly [field: string]: unknown }> {
  return program.until(() => documents(program)[0], 'its first document');
}

const chatStart = (requestId: string, prompt: string): object => ({
  type: 'chat_start',
  request_id: requestId,
  payload: { prompt },
});

const isEndOf =
  (requestId: string) =>
  ({ type, request_id }: Message): boolean =>
    request_id === requestId && type !== 'chat_chunk';

test('the host prints its Server ID, model and name', () => {
  assert.match(id, /^[1-9A-HJ-NP-Za-km-z]{32,44}$/);
  assert.deepEqual(introduction, { model: 'shoal-demo', name: 'Dan’s MacBook' });
});

test('the Server ID is printed once the host can be found: a single lookup finds it', async () => {
  const found: string[] = [];
  const program = share('found', '--engine', 'echo', '--json');
  const { server_id: printed } = await firstDocument(program);
  for await (const { peers } of dht.native.lookup(Buffer.from(decodeServerId(String(printed))))) {
    found.push(...peers.map(({ publicKey }) => Buffer.from(publicKey).toString('hex')));
  }
  assert.notDeepEqual(found, []);
  program.signal('SIGTERM');
  assert.equal(await program.ended(), 0, program.stderr);
});

test('their client gets server_info, and its prompt is answered by the model in chunks', async () => {
  const client = runFixtureClient(network, id, 'What is 2+2?');
  assert.equal(await client.ended(), 0, client.stderr);
  const [info, ...answer] = documents(client) as unknown as Message[];
  assert.deepEqual(info, {
    type: 'server_info',
    payload: { host_name: 'Dan’s MacBook', model: 'shoal-demo', status: 'ready' },
  });
  const end = answer.pop();
  assert.deepEqual(end, { type: 'chat_end', request_id: 'req-1', payload: { finish_reason: 'stop' } });
  assert.ok(answer.every(({ type, request_id }) => type === 'chat_chunk' && request_id === 'req-1'));
  assert.equal(answer.map(({ payload }) => payload?.['text']).join(''), '4');
});

test('our client chats with our host, one prompt per line of stdin', async () => {
  const args = ['chat', id, '--bootstrap', network.bootstrap];
  const home = network.home('asker');
  const { code, stdout, stderr } = await network.shoal(home, args, { input: 'What is 2+2?\n\nWhat is 3+4?\n' });
  assert.deepEqual([code, stdout], [0, '4\n7\n'], stderr);
  assert.equal(stderr, 'Connected to Dan’s MacBook · shoal-demo · ready\n');
});

test('one answer runs at a time, an abort frees the host at once, and errors have the request id', async () => {
  const client = new FixtureClient(network, id);
  await client.receives('the greeting', ({ type }) => type === 'server_info');
  client.send(
    chatStart('a', 'Tell me about the sea.'),
    chatStart('b', 'And the mountains.'),
    { type: 'abort', request_id: 'a' },
    chatStart('c', 'What is 2+2?'),
    chatStart('d', 'x'.repeat(8_193)),
  );
  const [a, b, c, d] = await Promise.all(
    ['a', 'b', 'c', 'd'].map((requestId) => client.receives(`the end of ${requestId}`, isEndOf(requestId))),
  );
  assert.deepEqual(b?.payload, { code: 'MODEL_BUSY', message: 'Host is processing another request' });
  assert.deepEqual([a?.type, a?.payload], ['chat_end', { finish_reason: 'abort' }]);
  assert.deepEqual([c?.type, c?.payload], ['chat_end', { finish_reason: 'stop' }]);
  assert.deepEqual([d?.type, d?.payload?.['code']], ['error', 'BAD_MESSAGE']);

  client.write(`{"type":"${'x'.repeat(64 * 1024)}"}\n`);
  await client.isDisconnected();
  assert.deepEqual(client.messages.at(-1)?.payload?.['code'], 'BAD_MESSAGE');
  await client.leave();
});

test('an idle host ends within two seconds after SIGTERM, and prints its status before', async () => {
  const signalledAt = performance.now();
  host.signal('SIGTERM');
  assert.equal(await host.ended(), 0, host.stderr);
  assert.ok(performance.now() - signalledAt < END_MS);
  const states = documents(host).slice(1);
  assert.deepEqual(states[0], { state: 'ready', model: 'shoal-demo', clients: 0 });
  assert.ok(states.some(({ state, clients }) => state === 'busy' && clients === 1));
  assert.deepEqual(states.at(-1), { state: 'stopped', model: 'shoal-demo', clients: 0 });
});

test('a Server ID is kept with --keep, in a file that only the owner can read, and new otherwise', async () => {
  const ids: unknown[] = [];
  for (const flags of [['--keep'], ['--keep'], []]) {
    const program = share('keeper', '--engine', 'echo', '--json', ...flags);
    ids.push((await firstDocument(program))['server_id']);
    program.signal('SIGINT');
    assert.equal(await program.ended(), 0, program.stderr);
  }
  const [first, second, third] = ids;
  assert.equal(second, first);
  assert.notEqual(third, first);
  const file = join(network.home('keeper'), 'server-id');
  assert.equal(readFileSync(file, 'utf8'), `${String(first)}\n`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('if Ollama does not answer, the error explains how to start it and which engines exist', async () => {
  const environment = { OLLAMA_HOST: '127.0.0.1:9' };
  const { code, stdout, stderr } = await network.shoal(network.home('none'), ['share'], { environment });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /No Ollama answers at .*127\.0\.0\.1:9/);
  assert.match(stderr, /ollama serve/);
  assert.match(stderr, /--engine llama --model FILE\.gguf/);
});

test('an abort reaches Ollama, and the client gets advice if the model or Ollama is missing', async () => {
  const ollama = await FakeOllama.start();
  const hungUp = new Promise<number>((resolve) => (ollama.onDisconnect = resolve));
  const args = ['share', '--model', 'parrot', '--bootstrap', network.bootstrap, '--json'];
  const program = network.begin(network.home('ollama'), args, { OLLAMA_HOST: ollama.address });
  try {
    const { server_id: shared, model } = await firstDocument(program);
    assert.equal(model, 'parrot:latest');
    const client = new FixtureClient(network, String(shared));
    await client.receives('the greeting', ({ type }) => type === 'server_info');
    const ended = (requestId: string): Promise<Message> =>
      client.receives(`the end of ${requestId}`, isEndOf(requestId));

    client.send(chatStart('a', 'one two three'));
    assert.deepEqual((await ended('a')).payload, { finish_reason: 'stop' });
    const texts = client.messages.flatMap(({ type, payload }) => (type === 'chat_chunk' ? [payload?.['text']] : []));
    assert.equal(texts.join(''), 'one two three');

    ollama.fault = 'silent in mid-stream';
    client.send(chatStart('b', 'one two three four five six'));
    await client.receives('a chunk', ({ type, request_id }) => type === 'chat_chunk' && request_id === 'b');
    client.send({ type: 'abort', request_id: 'b' });
    assert.deepEqual((await ended('b')).payload, { finish_reason: 'abort' });
    assert.equal(await hungUp, 3);

    ollama.fault = 'model deleted';
    client.send(chatStart('c', 'Hi'));
    const { code, message } = (await ended('c')).payload ?? {};
    assert.equal(code, 'OLLAMA_MODEL_NOT_AVAILABLE');
    assert.match(String(message), /ollama pull parrot/);

    await ollama.stop();
    client.send(chatStart('d', 'Hi'));
    const lost = (await ended('d')).payload;
    assert.equal(lost?.['code'], 'OLLAMA_NOT_FOUND');
    assert.match(String(lost?.['message']), /ollama serve/);
    await client.leave();
  } finally {
    program.signal('SIGTERM');
    assert.equal(await program.ended(), 0, program.stderr);
  }
});

test('a terminal shows the Server ID, its QR code and a status line; d toggles the debug log, q ends', async () => {
  const args = ['share', '--engine', 'echo', '--bootstrap', network.bootstrap];
  const program = atTerminal(network, network.home('terminal'), args);
  await program.until(() => /Ready · echo · 0 of 5 clients/.test(program.stdout) || undefined, 'the live line');
  assert.match(program.stdout, /Server ID: [1-9A-HJ-NP-Za-km-z]{32,44}\r\n/);
  assert.match(program.stdout, /█▀▀▀|▄▄▄▄▄ █/);
  program.write('d');
  await program.until(() => program.stdout.includes('Debug log shown.') || undefined, 'the debug log');
  const shared = /Server ID: (\S+)/.exec(program.stdout)?.[1] ?? '';
  const client = runFixtureClient(network, shared, 'hello there');
  assert.equal(await client.ended(), 0, client.stderr);
  await program.until(
    () => /debug: client \w+ connected\r\n/.test(program.stdout) || undefined,
    'a line of the debug log',
  );
  program.write('q');
  assert.equal(await program.ended(), 0, program.stdout);
  assert.match(program.stdout, /Stopped · echo · 0 of 5 clients connected\r\n$/);
});
