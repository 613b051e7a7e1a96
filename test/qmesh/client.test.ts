import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { connectQmesh } from '@shoal/client/qmesh';
import { type Ran, TestNetwork } from '../harness/test-network.ts';
import { FixtureWorker } from './fixture.ts';

suite('our client and their workers', { concurrency: 3 }, () => {
  test('a worker of theirs that reports its health on a timer gets a prompt before the timer fires', async (t) => {
    const network = await openNetwork(t);
    const worker = await FixtureWorker.start(
      network,
      '--status-ms',
      '3600000',
      '--id-hex-length',
      '32',
      '--health',
      '87',
    );

    const { code, stdout } = await ask(network);

    assert.equal(code, 0);
    assert.equal(worker.id.length, 32);
    assert.match(
      stdout,
      new RegExp(`^🌐 Discovered 1 worker\n✅ Selected worker ${worker.id.slice(0, 6)} \\(health: 87\\)\n`),
    );
    assert.match(stdout, /^📥 Response: echo: What is 2\+2\?$/m);
    const prompt = await worker.receives('the prompt', ({ type }) => type === 'prompt');
    assert.deepEqual(prompt['options'], { maxTokens: 7, temperature: 0 });
    assert.match(String(prompt.requestId), /^[0-9a-f]{16}$/);
  });

  test('only the answer goes to stdout, unless --steps asks for the output of their client', async (t) => {
    const network = await openNetwork(t);
    await FixtureWorker.start(network, '--answer', 'Four.');
    const flags = ['--bootstrap', network.bootstrap];
    const { stdout, stderr } = await network.shoal(network.home('client'), ['qmesh', 'ask', 'What is 2+2?', ...flags]);
    assert.equal(stdout, 'Four.\n');
    assert.match(stderr, /^🌐 Discovered 1 worker\n✅ [^]*📤 Sending prompt\.\.\.\n⏱️ {2}Total time: \d+\.\ds\n$/);
  });

  test('after a failure of one of their workers, the next one answers, and an overloaded one gets no prompt', async (t) => {
    const network = await openNetwork(t);
    await Promise.all([
      FixtureWorker.start(network, '--health', '95', '--error', 'out of paper'),
      FixtureWorker.start(network, '--health', '70', '--answer', 'Four.'),
      FixtureWorker.start(network, '--health', '10'),
    ]);

    const { code, stdout } = await ask(network, '--json');

    assert.equal(code, 0, stdout);
    const { response, worker, workers } = JSON.parse(stdout);
    assert.deepEqual([response, worker.health.score, workers.length], ['Four.', 70, 3]);
  });

  test('a silent worker of theirs counts as failed after the timeout', async (t) => {
    const network = await openNetwork(t);
    await FixtureWorker.start(network, '--health', '95', '--silent');
    await FixtureWorker.start(network, '--health', '70', '--answer', 'Four.');

    const { code, stdout } = await ask(network, '--timeout', '0.2');

    assert.equal(code, 0);
    assert.match(stdout, /\(health: 95\)[^]*\(health: 70\)[^]*📥 Response: Four\./);
  });

  test('if all of them fail, the client prints the error and no answer', async (t) => {
    const network = await openNetwork(t);
    await FixtureWorker.start(network, '--error', 'out of paper');
    const { code, stdout, stderr } = await ask(network);
    assert.equal(code, 1);
    assert.doesNotMatch(stdout, /Response/);
    assert.equal(stderr, 'shoal: out of paper\n');

    const refusing = await openNetwork(t);
    await FixtureWorker.start(refusing, '--health', '10');
    const { code: refused, stdout: document } = await ask(refusing, '--json');
    assert.equal(refused, 1);
    assert.equal(JSON.parse(document).error.code, 'OVERLOADED');
  });

  test('if one of their workers ends during an answer, the next one answers', async (t) => {
    const network = await openNetwork(t);
    const silent = await FixtureWorker.start(network, '--health', '95', '--silent');
    await FixtureWorker.start(network, '--health', '70', '--answer', 'Four.');
    const qmesh = await connectQmesh({ bootstrap: [network.bootstrap] });
    t.after(() => qmesh.close());
    assert.equal((await qmesh.discover()).length, 2);

    const asked = qmesh.ask('What is 2+2?');
    await silent.receives('the prompt', ({ type }) => type === 'prompt');
    silent.program.signal('SIGTERM');

    assert.equal((await asked).text, 'Four.');
  });
});

function ask(network: TestNetwork, ...args: readonly string[]): Promise<Ran> {
  const question = ['qmesh', 'ask', 'What is 2+2?', '--max-tokens', '7', '--temperature', '0'];
  return network.shoal(network.home('client'), [...question, '--steps', '--bootstrap', network.bootstrap, ...args]);
}

/** Each test has its own DHT, because all QMesh workers join the same topic. */
async function openNetwork(t: TestContext): Promise<TestNetwork> {
  const network = await TestNetwork.open();
  t.after(() => network.close());
  return network;
}
