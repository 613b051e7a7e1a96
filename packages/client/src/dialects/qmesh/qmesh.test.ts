import assert from 'node:assert/strict';
import { after, before, suite, test, type TestContext } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { type HealthReport, qmeshServerSession, qmeshTopic } from '@shoal/protocol/qmesh';
import { type Exchange, Link } from '@shoal/transport';
import { createDht, type Dht, type LocalDht, localDht } from '@shoal/transport/dht';
import { createSwarm } from '@shoal/transport/hyperswarm';
import { connectQmesh, type QmeshWorker } from './qmesh.ts';

let network: LocalDht;
let dht: Dht;
let names = 0;

before(async () => {
  network = await localDht();
  dht = createDht({ bootstrap: network.bootstrap });
});

after(async () => {
  await dht.close();
  await network.close();
});

type Behaviour = (exchange: Exchange, link: Link) => void;

const answers: Behaviour = (exchange) => {
  void exchange.send({ type: 'text', text: 'Four.', tokens: [] });
  const usage = { promptTokens: 5, completionTokens: 2 };
  void exchange.send({ type: 'finish', reason: 'stop', rawReason: 'eos', usage });
};
const refuses: Behaviour = (exchange) => fail(exchange, new ShoalError('OVERLOADED', 'Too much to do.'));
const fails: Behaviour = (exchange) => fail(exchange, ShoalError.generationFailed('No luck.'));
const leaves: Behaviour = (_exchange, link) => link.close();
const isSilent: Behaviour = () => undefined;

suite('a QMesh client', { concurrency: true }, () => {
  test('a prompt waits for the first worker, and its answer names the worker and its usage', async (t) => {
    const name = newName();
    const qmesh = await client(t, name);
    const asked = qmesh.ask('What is 2+2?');
    await startWorker(t, name, 'a0', 90, answers);
    const { worker, text, tokens } = await asked;
    assert.deepEqual([worker.id, worker.health.score, text, tokens], ['a0'.repeat(32), 90, 'Four.', 2]);
  });

  test('discover resolves with all workers when no new one appears', async (t) => {
    const name = newName();
    for (const id of ['a0', 'b0', 'c0']) await startWorker(t, name, id, 90, answers);
    const workers = await (await client(t, name)).discover();
    assert.deepEqual(workers.map(({ id }) => id.slice(0, 2)).toSorted(), ['a0', 'b0', 'c0']);
  });

  for (const [title, behaviour] of Object.entries({ refuses, fails, leaves })) {
    test(`if the healthiest worker ${title}, the next one answers`, async (t) => {
      const name = newName();
      await startWorker(t, name, 'a0', 95, behaviour);
      await startWorker(t, name, 'b0', 60, answers);
      const qmesh = await client(t, name);
      await qmesh.discover();
      const selected: string[] = [];
      const onSelected = ({ id }: QmeshWorker): unknown => selected.push(id.slice(0, 2));
      const { text } = await qmesh.ask('What is 2+2?', { onSelected });
      assert.deepEqual([text, selected], ['Four.', ['a0', 'b0']]);
    });
  }

  test('a silent worker loses the request after the timeout', async (t) => {
    const name = newName();
    await startWorker(t, name, 'a0', 95, isSilent);
    await startWorker(t, name, 'b0', 60, answers);
    const qmesh = await client(t, name);
    await qmesh.discover();
    const { worker } = await qmesh.ask('What is 2+2?', { timeoutMs: 50 });
    assert.equal(worker.id.slice(0, 2), 'b0');
  });

  test('a deadline covers the search and all workers', async (t) => {
    const name = newName();
    const qmesh = await client(t, name);
    await assert.rejects(qmesh.ask('anybody?', { deadlineMs: 50 }), { code: 'DEADLINE_EXCEEDED' });
    await startWorker(t, name, 'a0', 95, isSilent);
    await startWorker(t, name, 'b0', 60, isSilent);
    await qmesh.discover();
    const asked: string[] = [];
    const onSelected = ({ id }: QmeshWorker): void => void asked.push(id.slice(0, 2));
    const answer = qmesh.ask('What is 2+2?', { timeoutMs: 50, deadlineMs: 90, onSelected });
    await assert.rejects(answer, { code: 'DEADLINE_EXCEEDED' });
    assert.deepEqual(asked, ['a0', 'b0']);
    await assert.rejects(qmesh.ask('What is 2+2?', { deadlineMs: 0 }), { code: 'INVALID_REQUEST' });
  });

  test('if all workers fail, the error is that of the last one', async (t) => {
    const name = newName();
    await startWorker(t, name, 'a0', 95, fails);
    await startWorker(t, name, 'b0', 60, refuses);
    const qmesh = await client(t, name);
    await qmesh.discover();
    await assert.rejects(qmesh.ask('What is 2+2?'), { code: 'OVERLOADED' });
  });

  test('a cancelled request ends at once, during its answer and without a worker', async (t) => {
    const name = newName();
    const qmesh = await client(t, name);
    const abort = new AbortController();
    const waiting = qmesh.ask('anybody?', { signal: abort.signal });
    abort.abort();
    await assert.rejects(waiting, { code: 'GENERATION_ABORTED' });
    await startWorker(t, name, 'a0', 95, isSilent);
    await qmesh.discover();
    const again = new AbortController();
    const answering = qmesh.ask('you there?', {
      signal: again.signal,
      onSelected: () => setImmediate(() => again.abort()),
    });
    await assert.rejects(answering, { code: 'GENERATION_ABORTED' });
  });

  test('close ends waiting and running requests', async (t) => {
    const name = newName();
    const lonely = await client(t, name);
    const waiting = lonely.ask('anybody?');
    void lonely.close();
    await assert.rejects(waiting, { code: 'GENERATION_ABORTED' });

    await startWorker(t, name, 'a0', 95, isSilent);
    const qmesh = await client(t, name);
    await qmesh.discover();
    const answering = qmesh.ask('you there?');
    void qmesh.close();
    await assert.rejects(answering, { code: 'GENERATION_ABORTED' });
  });

  test('if no worker is found, the error shows if the DHT is the cause', async (t) => {
    const start = { code: 'HOST_OFFLINE', message: /Start one: shoal qmesh worker/ };
    const silent = { code: 'HOST_OFFLINE', message: 'No node of the DHT answered (bootstrap 127.0.0.1:9).' };
    const lonely = await connectQmesh({ dht, network: newName(), searchMs: 100 });
    const cutOff = await connectQmesh({ bootstrap: ['127.0.0.1:9'], network: newName(), searchMs: 100 });
    t.after(() => Promise.all([lonely.close(), cutOff.close()]));
    await Promise.all([
      assert.rejects(lonely.discover(), start),
      assert.rejects(cutOff.discover(), silent),
      assert.rejects(cutOff.ask('anybody?'), silent),
    ]);
  });

  test('an empty prompt is not sent', async (t) => {
    await assert.rejects((await client(t, newName())).ask(''), { code: 'INVALID_REQUEST' });
  });
});

function newName(): string {
  return `qmesh-client-test-${(names += 1)}`;
}

async function client(t: TestContext, name: string) {
  const qmesh = await connectQmesh({ dht, network: name });
  t.after(() => qmesh.close());
  return qmesh;
}

/** A worker that runs the given function. Its id repeats the two digits. */
async function startWorker(
  t: TestContext,
  name: string,
  digits: string,
  score: number,
  behaviour: Behaviour,
): Promise<void> {
  const health: HealthReport = {
    score,
    state: score > 60 ? 'healthy' : 'busy',
    cpu: 100 - score,
    memory: 100 - score,
    queueSize: 0,
    queueCapacity: 10,
    canAcceptRequests: true,
  };
  const swarm = createSwarm({
    dht,
    maxConnections: 4,
    onConnection(connection) {
      const session = qmeshServerSession({ workerId: digits.repeat(32), health: () => health, timestamp: () => 0 });
      const link: Link = new Link(connection, session, {
        peer: () => undefined,
        request: (exchange) => behaviour(exchange, link),
        close: () => undefined,
      });
      link.start();
    },
  });
  t.after(() => swarm.close());
  await swarm.join(qmeshTopic(name), { server: true, client: false }).announced();
}

function fail(exchange: Exchange, error: ShoalError): void {
  void exchange.send({ type: 'error', error });
}
