import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ScriptedEngine } from '../../../test/scripted-engine.ts';
import { serveDonate } from './index.ts';
import { ggufFile, infer, MOUNTED, openDoor, prompt, push } from './testing/open-door.ts';
import { error, type TestFrame, until, TestClient } from './testing/test-client.ts';

/** A process id above the largest one of Linux. */
const DEAD_PROCESS = 2_147_483_646;

suite('the Donate door', { concurrency: true }, () => {
  test('jobs of all connections run in turn; a full queue refuses at once', async (context) => {
    const { client, reports } = await openDoor(context, 'local_lm', { script: ['hang'], queue: 2 });
    const [first, second] = [await client(), await client()];
    first.send({ type: 'queue_status' });
    assert.deepEqual(await first.next(), { type: 'queue_status', depth: 0, capacity: 2, in_progress: false });
    first.send(prompt('a'));
    assert.deepEqual(await first.next(), { type: 'queue_status', depth: 0, capacity: 2, in_progress: true });
    second.send(prompt('b'), prompt('c'), prompt('d'));
    assert.deepEqual(await second.next(), error('queue full'));
    assert.deepEqual(await first.next(), { type: 'queue_status', depth: 1, capacity: 2, in_progress: true });
    assert.deepEqual(await first.next(), { type: 'queue_status', depth: 2, capacity: 2, in_progress: true });
    second.destroy();
    while ((await first.next())['depth'] !== 0);
    first.destroy();
    await until(() => reports.length === 4);
    assert.deepEqual(
      reports.map(({ outcome }) => outcome),
      ['refused', 'aborted', 'aborted', 'aborted'],
    );
  });

  test('a client that has asked gets the queue status when a job starts, and when its place is free again', async (context) => {
    const { client, reports } = await openDoor(context, 'local_lm', { script: ['hang'], queue: 2 });
    const [observer, first, second] = [await client(), await client(), await client()];
    observer.send({ type: 'queue_status' });
    const next = async (): Promise<unknown[]> => {
      const { depth, in_progress: runs } = await observer.next();
      return [depth, runs];
    };
    assert.deepEqual(await next(), [0, false]);
    first.send(prompt('a'));
    assert.deepEqual(await next(), [0, true]);
    second.send(prompt('b'));
    assert.deepEqual(await next(), [1, true]);
    first.destroy();
    assert.deepEqual(await next(), [0, true]);
    assert.equal(reports.length, 1);
    second.destroy();
    assert.deepEqual(await next(), [0, false]);
  });

  test('a job for a model that another upload replaced fails before the jobs of the next model', async (context) => {
    const { client } = await openDoor(context, 'model_push');
    const one = await client();
    one.send(...push(ggufFile(1_000_000)), infer('a'), ...push(ggufFile()), infer('b'));
    const { job_id: id, error: text } = await one.next();
    assert.deepEqual([id, text], ['a', 'model not mounted']);
    assert.deepEqual(await one.next(), MOUNTED);
    const { job_id: next, ok } = await one.next();
    assert.deepEqual([next, ok], ['b', true]);
  });

  test('a result has the number of jobs that waited when its own started', async (context) => {
    const { client } = await openDoor(context, 'local_lm');
    const one = await client();
    one.send(prompt('a'), prompt('b'), prompt('c'));
    const results = [await one.next(), await one.next(), await one.next()];
    assert.deepEqual(
      results.map(({ job_id: id, queue_depth: depth }) => [id, depth]),
      [
        ['a', 0],
        ['b', 1],
        ['c', 0],
      ],
    );
  });

  test('invalid bytes get one error and a close; other connections are not affected', async (context) => {
    const { client } = await openDoor(context, 'local_lm');
    const [bad, good] = [await client(), await client()];
    bad.sendBytes(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    assert.deepEqual(await bad.next(), error('bad message'));
    await bad.closed;
    good.send(prompt('a'));
    assert.equal((await good.next())['text'], 'four');
  });

  test('a client that causes replies and never reads is dropped; other connections are not affected', async (context) => {
    const { client, listener } = await openDoor(context, 'local_lm');
    const unread = await client();
    unread.pause();
    const refused = TestClient.frames(...Array<TestFrame>(500).fill(infer('x')));
    let isDropped = false;
    void unread.closed.then(() => {
      isDropped = true;
    });
    await until(() => {
      if (unread.unsentBytes < refused.length) unread.sendBytes(refused);
      return isDropped;
    });
    const other = await TestClient.dial(listener.port);
    assert.equal((await other.next()).type, 'hello');
    other.destroy();
  });

  test('the folder of a killed process is removed at the next start, and nothing else', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-donate-test-'));
    context.after(() => rm(folder, { recursive: true }));
    const leftover = join(folder, `${DEAD_PROCESS}-${'0'.repeat(16)}`);
    const living = join(folder, `${process.ppid}-${'0'.repeat(16)}`);
    const foreign = join(folder, 'models');
    for (const path of [leftover, living, foreign]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, '1.gguf'), 'GGUF');
    }
    const listener = await serveDonate({ mode: 'model_push', port: 0, folder, mount: () => new ScriptedEngine([]) });
    assert.deepEqual(
      [leftover, living, foreign].map((path) => existsSync(path)),
      [false, true, true],
    );
    await listener.close();
    assert.deepEqual(readdirSync(folder).toSorted(), [`${process.ppid}-${'0'.repeat(16)}`, 'models'].toSorted());
  });
});
