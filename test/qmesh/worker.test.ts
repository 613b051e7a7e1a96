import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isObject } from '@shoal/protocol/json';
import type { Program } from '../harness/program.ts';
import { TestNetwork } from '../harness/test-network.ts';
import { FixtureClient, type Message } from './fixture.ts';

const RUN_WORKER = fileURLToPath(new URL('../../examples/run-worker.js', import.meta.url));
const BASIC_CLIENT = fileURLToPath(new URL('../../examples/basic-client.js', import.meta.url));

/** An idle process ends within this time, in any state of its network. */
const END_MS = 2_000;

test('our worker’s model answers their client, and the worker reports its health on its own and on request', async (t) => {
  const network = await openNetwork(t);
  await isLending(startWorker(network, { engine: ['--threads', '1'] }));

  const client = new FixtureClient(network, '--prompt', 'What is 2+2?', '--status-request');

  assert.equal(await client.program.ended(), 0, client.program.stderr);
  const [status, response] = ['status', 'status_response'].map((type) => client.messages.find((m) => m.type === type));
  assert.match(String(status?.['workerId']), /^[0-9a-f]{64}$/);
  assert.ok(status !== undefined && 'health' in status && !('requestId' in status));
  assert.match(String(response?.requestId), /^[0-9a-f]{16}$/);
  const result = client.messages.find(({ type }) => type === 'inference_result');
  assert.deepEqual(Object.keys(result ?? {}).toSorted(), ['requestId', 'result', 'timestamp', 'type', 'workerId']);
  assert.ok(isObject(result?.['result']));
  const { text, tokens, ...effort } = result['result'];
  assert.deepEqual([text, tokens, Object.keys(effort)], ['4', 1, ['duration', 'tokensPerSecond']]);
});

test('an invalid message gets an error without an id and has no other effect; a frame above 10 MiB closes the connection', async (t) => {
  const network = await openNetwork(t);
  await isLending(startWorker(network));
  const client = new FixtureClient(network, '--raw');
  await client.receives('a status', ({ type }) => type === 'status');
  const errors = (): Message[] => client.messages.filter(({ type }) => type === 'inference_error');

  client.sendBytes('00000000');
  client.sendBytes('00000002' + Buffer.from('{x').toString('hex'));
  client.send({ type: 'prompt', requestId: 'no prompt' });
  client.send({ type: 'status', requestId: 'as the document calls it' });
  // Sent together, so that the second arrives before the first is answered.
  const twice = frame({ type: 'prompt', requestId: 'twice', prompt: 'Once only.', options: { temperature: 0 } });
  client.sendBytes(twice + twice);
  await client.receives('the status', ({ requestId }) => requestId === 'as the document calls it');
  await client.receives('the answer', ({ requestId }) => requestId === 'twice');
  assert.deepEqual(
    errors().map(({ requestId }) => requestId),
    [undefined, undefined, 'no prompt'],
  );
  assert.equal(errors().at(-1)?.['error'], 'Missing prompt in request');

  client.sendBytes('00a00001');
  await client.until('the end of the connection', ({ event }) => event === 'left');
  const answers = client.messages.filter(({ type }) => type === 'inference_result');
  assert.equal(answers.length, 1);
});

test('two workers in one folder are separate and keep their ids', async (t) => {
  const network = await openNetwork(t);
  const folder = network.home('workers');
  mkdirSync(folder);
  const first = startWorker(network, { folder });
  await isLending(first);
  const second = startWorker(network, { folder });
  await isLending(second);
  const files = ['worker-id.txt', 'worker-id-2.txt'].map((name) => join(folder, name));
  const ids = files.map((file) => readFileSync(file, 'utf8').trim());
  assert.ok(ids.every((id) => /^[0-9a-f]{64}$/.test(id)) && ids[0] !== ids[1]);
  assert.deepEqual(
    files.map((file) => statSync(file).mode & 0o777),
    [0o600, 0o600],
  );

  const client = network.run({
    name: 'basic-client.js',
    command: [BASIC_CLIENT, 'What is 2+2?'],
    environment: { SHOAL_BOOTSTRAP: network.bootstrap, SHOAL_HOME: network.home('client') },
  });
  assert.equal(await client.ended(), 0, client.stderr);
  const lines = client.stdout.split('\n');
  assert.equal(lines[0], '🌐 Discovered 2 workers');
  assert.match(lines[1] ?? '', /^✅ Selected worker [0-9a-f]{6} \(health: \d{1,3}\)$/);
  assert.ok(ids.some((id) => lines[1]?.includes(id.slice(0, 6))));
  assert.deepEqual(lines.slice(2, 4), ['📤 Sending prompt...', '📥 Response: What is 2+2?']);
  assert.match(lines[4] ?? '', /^⏱️ {2}Total time: \d+\.\ds$/);

  for (const worker of [first, second]) {
    const startedAt = performance.now();
    worker.signal('SIGTERM');
    assert.equal(await worker.ended(), 0, worker.stderr);
    assert.ok(performance.now() - startedAt < END_MS, 'the end took too long');
  }
  assert.deepEqual(readdirSync(folder).toSorted(), ['worker-id-2.txt', 'worker-id.txt']);
});

test('a worker on a DHT that does not answer logs a warning, and ends in time', async (t) => {
  const network = await openNetwork(t);
  const worker = startWorker(network, { environment: { SHOAL_BOOTSTRAP: '127.0.0.1:9' } });
  await isLending(worker);
  await worker.until(
    () => /bootstrap 127\.0\.0\.1:9.*Nobody can find this worker/.exec(worker.stderr) ?? undefined,
    'the warning',
  );
  const startedAt = performance.now();
  worker.signal('SIGINT');
  assert.equal(await worker.ended(), 0, worker.stderr);
  assert.ok(performance.now() - startedAt < END_MS + 1_000, `${performance.now() - startedAt} ms`);
});

test('DEBUG=hyperswarm:* logs the swarm’s events, and an invalid GPU_LAYERS is reported', async (t) => {
  const network = await openNetwork(t);
  const worker = startWorker(network, { environment: { DEBUG: 'hyperswarm:*' } });
  await worker.until(() => /^hyperswarm:\S+ joins topic 11626a5f/m.exec(worker.stderr) ?? undefined, 'the topic');
  const wrong = startWorker(network, { environment: { GPU_LAYERS: 'many' } });
  assert.equal(await wrong.ended(), 2);
  assert.match(wrong.stderr, /GPU_LAYERS must be/);
});

interface WorkerSetting {
  /** Default: the echo, which starts at once. */
  readonly engine?: readonly string[] | undefined;
  readonly folder?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

let folders = 0;

function startWorker(network: TestNetwork, { engine, folder, environment = {} }: WorkerSetting = {}): Program {
  const own = network.home(`worker-${(folders += 1)}`);
  mkdirSync(own);
  return network.run({
    name: 'run-worker.js',
    command: [RUN_WORKER, ...(engine ?? ['--engine', 'echo'])],
    environment: { SHOAL_BOOTSTRAP: network.bootstrap, SHOAL_HOME: network.home('home'), ...environment },
    folder: folder ?? own,
  });
}

async function isLending(worker: Program): Promise<void> {
  await worker.until(() => /^Worker [0-9a-f]{6} lends /m.exec(worker.stdout) ?? undefined, 'the worker');
}

/** Each test has its own DHT, because all QMesh workers join the same topic. */
async function openNetwork(t: TestContext): Promise<TestNetwork> {
  const network = await TestNetwork.open();
  t.after(() => network.close());
  return network;
}

/** In hex, as on the wire. */
function frame(message: object): string {
  const body = Buffer.from(JSON.stringify(message));
  return body.length.toString(16).padStart(8, '0') + body.toString('hex');
}
