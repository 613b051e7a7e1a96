import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test, type TestContext } from 'node:test';
import type { ClusterView, StatusView } from '@shoal/node/api';
import { isProcessAlive } from '@shoal/files/process';
import { localDht } from '@shoal/transport/dht';
import type { MachineNode } from './nodes.ts';
import { errorCode, Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

/** Creates a home whose node uses this test's own DHT and is stopped when the test ends. */
function home(t: TestContext, bootstrap: readonly string[]): Shoal {
  return new Shoal(
    temporaryFolder(t, (folder) => new Shoal(folder).run(['stop'])),
    { SHOAL_BOOTSTRAP: bootstrap.join(',') },
  );
}

async function startDht(t: TestContext): Promise<readonly string[]> {
  const dht = await localDht();
  t.after(() => dht.close());
  return dht.bootstrap;
}

/** The parts of the status that must be the same after a crash. */
async function about(shoal: Shoal): Promise<Record<string, unknown>> {
  const { document } = await shoal.json(['status']);
  const { name, id, lends, models, clusters, doors } = document as StatusView;
  return {
    name,
    id,
    lends,
    models: models.map((model) => model.id),
    clusters: clusters.map((cluster) => `${cluster.id} ${cluster.role}`).toSorted(),
    doors: doors.map((door) => door.name),
    bootstrap: (JSON.parse(readFileSync(join(shoal.home, 'launch.json'), 'utf8')) as { bootstrap?: unknown }).bootstrap,
  };
}

/** Kills the node as a crash does, and waits until its home is free. */
async function kill(shoal: Shoal): Promise<void> {
  const { pid } = (await shoal.json(['status'])).document as StatusView;
  process.kill(pid, 'SIGKILL');
  while (isProcessAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for a line of a foreground node's log. */
async function logged(child: ChildProcess, message: RegExp): Promise<void> {
  assert.ok(child.stderr);
  for await (const line of createInterface({ input: child.stderr })) {
    const { level, msg } = JSON.parse(line) as { level: string; msg: string };
    assert.ok(['debug', 'info', 'warn', 'error'].includes(level));
    if (message.test(msg)) return;
  }
  assert.fail(`the node ended without saying ${String(message)}`);
}

// Each test has a network and homes of its own, and waits most of the time.
suite('the life of a node', { concurrency: 2 }, () => {
  test('a node starts, runs, restarts with its settings, and stops', async (t) => {
    const shoal = home(t, await startDht(t));
    const started = await shoal.json(['start', '--lend', '--model', 'echo', '--name', 'NodeA', '--cluster', 'one']);
    assert.equal(started.code, 0);
    const first = started.document as StatusView;
    assert.deepEqual([first.name, first.lends, first.clusters.map(({ id }) => id)], ['NodeA', true, ['one']]);

    const again = await shoal.run(['start']);
    assert.equal(again.code, 0);
    assert.match(again.stdout, new RegExp(`^Already running: NodeA, pid ${first.pid} `));
    const second = await shoal.run(['serve']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`already runs in this home \\(pid ${first.pid}\\)`));

    assert.equal((await shoal.run(['join', 'two'])).stdout, 'Joined cluster two (using, 0 peers)\n');
    assert.equal((await shoal.run(['join', 'two', '--lend'])).stdout, 'Joined cluster two (lending, 0 peers)\n');
    assert.equal((await shoal.run(['connect', 'three'])).code, 0);
    assert.equal((await shoal.run(['leave', 'one'])).stdout, 'Left cluster one\n');
    const restarted = (await shoal.json(['restart', '--name', 'NodeZ'])).document as StatusView;
    assert.notEqual(restarted.pid, first.pid);
    assert.equal(restarted.id, first.id);
    assert.deepEqual([restarted.name, restarted.lends], ['NodeZ', true]);
    const { clusters } = (await shoal.json(['clusters'])).document as { clusters: ClusterView[] };
    assert.deepEqual(clusters, [
      { id: 'two', role: 'lending', peers: 0 },
      { id: 'three', role: 'using', peers: 0 },
    ]);

    assert.deepEqual(await shoal.json(['stop']), { code: 0, document: { pid: restarted.pid } });
    assert.equal((await shoal.run(['status'])).code, 3);
    const { lends, clusters: kept } = (await shoal.json(['start', '--model', 'echo'])).document as StatusView;
    assert.deepEqual([lends, kept], [true, clusters], 'what was connected lasts, with its role');
    const off = (await shoal.json(['restart', '--no-lend'])).document as StatusView;
    assert.deepEqual([off.lends, off.clusters.map(({ role }) => role)], [false, ['using', 'using']]);
    assert.match((await shoal.run(['connect', 'three', '--lend'])).stderr, /^shoal: This node does not lend\. Restart/);
    await shoal.run(['stop']);
    assert.ok(!existsSync(join(shoal.home, 'api.json')));
  });

  test('restart from another shell keeps the settings that came from the environment, but no secret', async (t) => {
    const shoal = home(t, await startDht(t));
    Object.assign(shoal.environment, {
      OLLAMA_HOST: '127.0.0.1:9',
      SHOAL_LLAMA_SERVER: '/nowhere/llama-server',
      SHOAL_KEEP_ALIVE: '7m',
      SHOAL_WS_TOKEN: 'a long and secret word',
    });
    const launch = (): object => JSON.parse(readFileSync(join(shoal.home, 'launch.json'), 'utf8')) as object;
    assert.equal((await shoal.run(['start', '--lend', '--model', 'echo'])).code, 0);
    const started = launch() as Readonly<Record<string, unknown>>;
    const { bootstrap, ollamaUrl, llamaServer, keepAlive, doorToken } = started;
    assert.deepEqual([ollamaUrl, llamaServer, keepAlive], ['127.0.0.1:9', '/nowhere/llama-server', '7m']);
    assert.ok(Array.isArray(bootstrap));
    assert.equal(doorToken, undefined);

    const elsewhere = new Shoal(shoal.home);
    const refused = await elsewhere.run(['restart']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^shoal: The last run had the secret doorToken.*Set SHOAL_WS_TOKEN/);
    assert.equal((await elsewhere.run(['status'])).code, 0, 'nothing was stopped');

    elsewhere.environment['SHOAL_WS_TOKEN'] = shoal.environment['SHOAL_WS_TOKEN'];
    assert.equal((await elsewhere.run(['restart'])).code, 0);
    assert.deepEqual(launch(), started);
  });

  test('the lending node answers a prompt, and a wrong prompt is refused with the reason', async (t) => {
    const bootstrap = await startDht(t);
    const [lender, asker] = [home(t, bootstrap), home(t, bootstrap)];
    await lender.run(['start', '--lend', '--model', 'echo', '--name', 'NodeA', '--cluster', 'c']);
    await asker.run(['start', '--name', 'NodeC', '--cluster', 'c']);

    const { code, document } = await asker.json(['prompt', 'one two three']);
    assert.equal(code, 0, JSON.stringify(document));
    const { response, model, worker, usage, timing, chunks } = document as {
      response: string;
      model: string;
      worker: string;
      usage: { prompt_tokens: number; completion_tokens: number };
      timing: { first_token_ms: number; total_ms: number };
      chunks: number;
    };
    assert.deepEqual([response, model, worker, usage.completion_tokens], ['one two three', 'echo', 'NodeA', 3]);
    assert.ok(chunks >= 1 && timing.first_token_ms <= timing.total_ms);

    const piped = await asker.run(['prompt'], { input: 'from a pipe\n' });
    assert.equal(piped.stdout, 'from a pipe\n');
    assert.match(piped.stderr, /^NodeA answered with echo: 3 tokens, first after \d+ ms/);

    const wrong = async (args: string[], message: RegExp, input = ''): Promise<void> => {
      const result = await asker.run(args, { input });
      assert.equal(result.code, 1);
      assert.match(result.stderr, message);
    };
    await wrong(['prompt', 'x', '--model', 'none'], /^shoal: .*"none".*echo/);
    await wrong(['prompt', 'x', '--cluster', 'other'], /^shoal: .*not in cluster other.*It is in: c/);
    await wrong(['disconnect', 'other'], /^shoal: .*not in cluster other.*It is in: c/);
    await wrong(['connect', 'a\nb'], /^shoal: .*1 to 255 bytes/);
    await wrong(['prompt', '-'], /^shoal: The prompt is too long: .* at most 1048576/, 'x'.repeat(1_100_000));

    const peers = await asker.run(['peers', 'c']);
    assert.match(peers.stdout, /^NAME .*\nNodeA .* lending +echo /);
  });

  test('Ctrl-C cancels a running prompt', async (t) => {
    const shoal = home(t, await startDht(t));
    await shoal.run(['start', '--lend', '--model', 'echo', '--cluster', 'c']);
    const child = shoal.spawn(['prompt']);
    child.stdin?.end('word '.repeat(180_000));
    assert.ok(child.stdout);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    child.stdout.resume();
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    assert.equal(exitCode, 130);
  });

  test('a foreground node logs JSON lines off a terminal, and SIGTERM ends it with 0', async (t) => {
    const shoal = home(t, await startDht(t));
    const child = shoal.spawn(['serve', '--cluster', 'c']);
    await logged(child, /^API on http:\/\/127\.0\.0\.1:\d+$/);
    const { port } = JSON.parse(readFileSync(join(shoal.home, 'api.json'), 'utf8')) as { port: number };

    const other = new Shoal(temporaryFolder(t), { SHOAL_PORT: String(port) });
    const taken = await other.run(['serve']);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, new RegExp(`Port ${port} is taken.*--port 0.*SHOAL_PORT`));

    child.kill('SIGTERM');
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    assert.equal(exitCode, 0);
    const state: unknown = JSON.parse(readFileSync(join(shoal.home, 'state.json'), 'utf8'));
    assert.deepEqual(state, { clusters: [], nodePid: null });
  });

  test('after a crash start and restart continue the last run, and after a stop the configuration counts', async (t) => {
    const shoal = home(t, await startDht(t));
    shoal.environment['SHOAL_WS_TOKEN'] = 'a long and secret word';
    const flags = ['--lend', '--model', 'echo', '--cluster', 'one', '--cluster', 'two', '--door', 'websocket'];
    writeFileSync(join(shoal.home, 'config.json'), '{ "doors": { "websocket": { "port": 0 } }, "lend": false }');
    assert.equal((await shoal.run(['start', ...flags, '--name', 'NodeA'])).code, 0);
    assert.equal((await shoal.run(['join', 'three', '--lend'])).code, 0);
    const before = await about(shoal);
    assert.deepEqual(before.doors, ['clusters', 'websocket']);

    await kill(shoal);
    const elsewhere = new Shoal(shoal.home);
    for (const command of ['start', 'restart']) {
      const refused = await elsewhere.run([command]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^shoal: The last run had the secret doorToken.*Set SHOAL_WS_TOKEN/);
    }
    elsewhere.environment['SHOAL_WS_TOKEN'] = shoal.environment['SHOAL_WS_TOKEN'];
    const started = await elsewhere.run(['start']);
    assert.equal(started.code, 0, started.stderr);
    assert.match(
      started.stderr,
      /^The last run did not end cleanly\. It is continued with: .*--lend .*--cluster=two.*\n$/,
    );
    assert.deepEqual(await about(shoal), before);

    await kill(shoal);
    const restarted = await elsewhere.run(['restart']);
    assert.match(restarted.stderr, /^The last run did not end cleanly/);
    assert.deepEqual(await about(shoal), before);

    await kill(shoal);
    assert.match((await shoal.run(['stop'])).stdout, /^Not running\. .* is not continued\.\n$/);
    writeFileSync(join(shoal.home, 'config.json'), '{}');
    const fresh = await shoal.run(['start']);
    assert.equal(fresh.stderr, '');
    const { lends, clusters } = await about(shoal);
    assert.deepEqual({ lends, clusters }, { lends: true, clusters: ['three lending'] });
  });

  test('--save keeps the flags in the configuration, beside what it has', async (t) => {
    const shoal = home(t, await startDht(t));
    const path = join(shoal.home, 'config.yaml');
    writeFileSync(path, 'clusters: [one] # of old\n');
    const failed = ['start', '--save', '--slots', '3', '--lend', '--model', '/nowhere.gguf'];
    assert.equal((await shoal.run(failed)).code, 1);
    const saved = await shoal.run(['start', '--save', '--cluster', 'two', '--lend', '--model', 'echo']);
    assert.equal(saved.stderr, `Saved in ${path}: lend, clusters, model\n`);
    assert.equal(readFileSync(path, 'utf8'), 'clusters: [ one, two ] # of old\nlend: true\nmodel: echo\n');
    await shoal.run(['stop']);
    assert.equal((await shoal.run(['start'])).code, 0);
    assert.deepEqual((await about(shoal)).clusters, ['one lending', 'two lending']);
  });

  test('nodes lists the nodes of this user, and status names those that run beside a stopped one', async (t) => {
    const shoal = home(t, await startDht(t));
    t.after(() => shoal.run(['--node', 'NodeB', 'stop']));
    // Other tests run nodes in homes of their own; this one must not see those of the person who runs it.
    Object.assign(shoal.environment, { HOME: shoal.home, XDG_STATE_HOME: shoal.home });
    assert.equal((await shoal.run(['start'])).code, 0);
    assert.equal((await shoal.run(['start', '--node', 'NodeB'])).code, 0);
    await kill(shoal);
    const { document } = await shoal.json(['nodes']);
    const { nodes } = document as { nodes: MachineNode[] };
    const [first, second] = nodes;
    assert.deepEqual(first, { node: null, state: 'crashed', pid: null, api: null, home: shoal.home });
    assert.deepEqual([second?.node, second?.state, nodes.length], ['NodeB', 'running', 2]);
    assert.match(second?.api ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
    const { code, stdout } = await shoal.run(['status']);
    assert.deepEqual([code, stdout.split('\n')[0]], [3, 'not running']);
    assert.match(stdout, /^Other nodes run: NodeB in .*nodes\/NodeB\. See: shoal nodes$/m);
  });

  test('a start that fails leaves no cluster, and the run that crashed before it is still continued', async (t) => {
    const shoal = home(t, await startDht(t));
    assert.equal((await shoal.run(['start', '--cluster', 'one'])).code, 0);
    await kill(shoal);
    const failed = await shoal.run(['start', '--cluster', 'two', '--lend', '--model', '/nowhere.gguf']);
    assert.equal(failed.code, 1);
    assert.equal((await shoal.run(['start'])).code, 0);
    assert.deepEqual((await about(shoal)).clusters, ['one using']);
    assert.equal((await shoal.run(['stop'])).code, 0);
    assert.equal((await shoal.run(['start'])).code, 0);
    assert.deepEqual((await about(shoal)).clusters, []);
  });

  test('the error for a node that does not start in the background has the end of its log', async (t) => {
    const shoal = new Shoal(temporaryFolder(t));
    writeFileSync(join(shoal.home, 'config.json'), '{"colour":"red"}');
    const { code, stderr } = await shoal.run(['start']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^shoal: The node did not start\. .*shoal\.log ends with:\n {2}shoal: .*"colour" is not a setting/,
    );
  });

  test('the error for an invalid or readable token file names it', async (t) => {
    const shoal = new Shoal(temporaryFolder(t));
    const path = join(shoal.home, 'api.json');
    for (const text of ['{"port":', '{"port":17002,"pid":1,"token":"short"}', '[]']) {
      writeFileSync(path, text, { mode: 0o600 });
      const { code, document } = await shoal.json(['status']);
      assert.deepEqual([code, errorCode(document)], [1, 'INVALID_REQUEST'], text);
    }
    chmodSync(path, 0o644);
    const { code, stderr } = await shoal.run(['status']);
    assert.equal(code, 1);
    assert.match(stderr, /api\.json holds a secret that others may read/);
  });
});
