import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { ggufFile, infer, MOUNTED, openDoor, push } from './testing/open-door.ts';
import { error, type TestClient, until } from './testing/test-client.ts';

suite('models that clients push to a Donate door', { concurrency: true }, () => {
  test('a pushed model is complete on the disk, answers, and is removed after its connection', async (context) => {
    const options = { keepAliveMs: 0 };
    const { client, close, files, folder, mounted, reports } = await openDoor(context, 'model_push', options);
    const one = await client();
    const file = ggufFile(100_000);
    one.send(...push(file, { sha256: createHash('sha256').update(file).digest('hex') }));
    assert.deepEqual(await one.next(), MOUNTED);
    assert.deepEqual(mounted[0]?.content, file);
    one.send(infer('a'));
    assert.deepEqual(await one.next(), {
      type: 'infer_result',
      job_id: 'a',
      ok: true,
      output_ids: [1, 2, 4, 5],
      queue_depth: 0,
    });
    assert.deepEqual(mounted[0].engine.requests[0]?.sampling, { maxTokens: 8, temperature: 0 });
    assert.deepEqual(
      reports.map(({ kind, outcome, tokens }) => [kind, outcome, tokens]),
      [
        ['mount', 'answered', 0],
        ['infer', 'answered', 2],
      ],
    );
    one.destroy();
    await until(() => files().length === 0 && mounted.every(({ engine }) => engine.isClosed));
    await close();
    assert.deepEqual(readdirSync(folder), []);
  });

  test('one model is in memory at a time: the model of a connection replaces that of the other', async (context) => {
    const { client, mounted, files } = await openDoor(context, 'model_push');
    const [first, second] = [await client(), await client()];
    for (const one of [first, second]) {
      one.send(...push(ggufFile()));
      assert.deepEqual(await one.next(), MOUNTED);
    }
    for (const one of [first, second, second, first]) {
      one.send(infer('a'));
      assert.equal((await one.next())['ok'], true);
    }
    const [a, b] = [mounted[0]?.file, mounted[1]?.file];
    assert.deepEqual(
      mounted.map(({ file }) => file),
      [a, b, a, b, a],
    );
    assert.deepEqual(
      mounted.map(({ engine }) => engine.isClosed),
      [true, true, true, true, false],
    );
    assert.equal(files().length, 2);
  });

  test('clients that push the same file share it: it is loaded once, and stays for the next one', async (context) => {
    const { client, close, files, folder, mounted, reports } = await openDoor(context, 'model_push');
    const file = ggufFile(10_000);
    for (let round = 0; round < 2; round += 1) {
      const clients = await Promise.all(Array.from({ length: 8 }, client));
      for (const one of clients) one.send(...push(file), infer('a'), infer('b'));
      for (const one of clients) {
        assert.deepEqual(await one.next(), MOUNTED);
        assert.deepEqual([(await one.next())['job_id'], (await one.next())['job_id']], ['a', 'b']);
      }
      assert.equal(files().length, 1);
      for (const one of clients) one.destroy();
    }
    assert.equal(mounted.length, 1);
    assert.equal(reports.filter(({ outcome }) => outcome === 'answered').length, 48);
    await close();
    assert.deepEqual([mounted[0]?.engine.isClosed, readdirSync(folder)], [true, []]);
  });

  test('a shared model outlives the client that pushed it first, and ends a while after the last', async (context) => {
    const { client, files, mounted } = await openDoor(context, 'model_push', { keepAliveMs: 0 });
    const [first, second] = [await client(), await client()];
    const file = ggufFile();
    for (const one of [first, second]) {
      one.send(...push(file));
      assert.deepEqual(await one.next(), MOUNTED);
    }
    first.destroy();
    // The greeting of a later connection shows that the door has seen the end of the first.
    await client();
    second.send(infer('a'));
    assert.equal((await second.next())['ok'], true);
    assert.deepEqual([mounted.length, mounted[0]?.engine.isClosed, files().length], [1, false, 1]);
    second.destroy();
    await until(() => mounted[0]?.engine.isClosed === true && files().length === 0);
  });

  test('the same file with another context is loaded again', async (context) => {
    const { client, files, mounted } = await openDoor(context, 'model_push');
    const file = ggufFile();
    for (const config of ['{"context_length":64}', '{"context_length":64}', '{"context_length":128}']) {
      const one = await client();
      one.send(...push(file, { config }));
      assert.deepEqual(await one.next(), MOUNTED);
    }
    assert.deepEqual([mounted.length, files().length], [2, 1]);
  });

  test('a model that nobody uses any more gives way to a job of another, or to an upload', async (context) => {
    const { client, files, mounted } = await openDoor(context, 'model_push', { quotaBytes: 200 });
    const use = async (length: number): Promise<TestClient> => {
      const one = await client();
      one.send(...push(ggufFile(length)), infer('a'));
      assert.deepEqual([await one.next(), (await one.next())['ok']], [MOUNTED, true]);
      return one;
    };
    const first = await use(100);
    first.destroy();
    const second = await use(100);
    await until(() => mounted[0]?.engine.isClosed === true && files().length === 1);
    second.destroy();
    await second.closed;
    // The door learns of the end a moment later. Before that there is no room.
    const third = await client();
    await until(async () => {
      third.send(...push(ggufFile(200)));
      return (await third.next())['ok'] === true;
    });
    assert.deepEqual([mounted[1]?.engine.isClosed, files().length], [true, 1]);
  });

  test('a job that is sent after the commit waits for the model', async (context) => {
    const { client } = await openDoor(context, 'model_push');
    const one = await client();
    one.send(...push(ggufFile()), infer('a'), infer('b'));
    assert.deepEqual(await one.next(), MOUNTED);
    assert.deepEqual([(await one.next())['job_id'], (await one.next())['job_id']], ['a', 'b']);
  });

  test('a file that is not GGUF, has another digest or does not load is refused at its commit and removed', async (context) => {
    const { client, files } = await openDoor(context, 'model_push', { script: [] });
    const one = await client();
    const headerOfMore = ggufFile();
    headerOfMore.writeBigUInt64LE(1_000n, 8);
    const cases: [Buffer, string, RegExp][] = [
      [randomBytes(100), '', /^unsupported format: unknown, expected gguf$/],
      [ggufFile().subarray(0, 10), '', /ends within its header/],
      [headerOfMore, '', /promises more/],
      [ggufFile(), 'ab'.repeat(32), /^weights sha256 mismatch$/],
    ];
    for (const [file, sha256, text] of cases) {
      one.send(...push(file, { sha256 }));
      const { type, ok, message } = await one.next();
      assert.deepEqual([type, ok], ['model_status', false]);
      assert.match(String(message), text);
      await until(() => files().length === 0);
    }
    one.send(infer('a'));
    assert.deepEqual(await one.next(), error('model not mounted'));
  });

  test('a configuration that names no format leaves it to the file: GGUF is mounted, and others are refused', async (context) => {
    const { client, files } = await openDoor(context, 'model_push', { keepAliveMs: 0 });
    const one = await client();
    for (const config of ['{"layers":4}', 'not JSON']) {
      one.send(...push(ggufFile(), { config }));
      assert.deepEqual(await one.next(), MOUNTED);
      one.send(...push(randomBytes(100), { config }));
      const message = 'unsupported format: unknown, expected gguf';
      assert.deepEqual(await one.next(), { type: 'model_status', ok: false, message });
      await until(() => files().length === 0);
    }
  });

  test('a model beyond the quota of all connections is refused at its begin message', async (context) => {
    const { client } = await openDoor(context, 'model_push', { quotaBytes: 150 });
    const [first, second] = [await client(), await client()];
    first.send(...push(ggufFile()));
    assert.deepEqual(await first.next(), MOUNTED);
    const [begin, ...rest] = push(ggufFile());
    assert.ok(begin);
    second.send(begin);
    assert.deepEqual(await second.next(), error('storage full'));
    second.send(...rest);
    first.destroy();
    await until(async () => {
      second.send(...push(ggufFile()));
      return (await second.next())['ok'] === true;
    });
  });

  test('five uploads that announce the whole quota and drip do not keep out an honest one', async (context) => {
    const announced = 100 * 1024 ** 2;
    const { client } = await openDoor(context, 'model_push', { quotaBytes: 5 * announced });
    for (let count = 0; count < 5; count += 1) {
      const dripping = await client();
      const [begin, ...chunks] = push(ggufFile(), { pieces: 100 });
      assert.ok(begin);
      dripping.send({ ...begin, weights_len: announced }, ...chunks.slice(0, 1));
    }
    const honest = await client();
    honest.send(...push(ggufFile(1_000_000)));
    assert.deepEqual(await honest.next(), MOUNTED);
  });
});

suite('random uploads', () => {
  type RandomStep = { readonly index: number; readonly data: string; readonly last: boolean } | 'commit' | 'begin';
  const chunk = fc.record({
    index: fc.integer({ min: 0, max: 4 }),
    data: fc.oneof(
      fc.constantFrom('', 'QUJD', '!', 'QUJ', 'QU=D', '-_-_'),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    ),
    last: fc.boolean(),
  });
  const steps = fc.array(
    fc.oneof({ weight: 6, arbitrary: chunk }, { weight: 1, arbitrary: fc.constantFrom<RandomStep>('commit', 'begin') }),
    {
      maxLength: 12,
    },
  );

  test('leave no files, and the next valid one is accepted', async (context) => {
    const { client, files } = await openDoor(context, 'model_push', { keepAliveMs: 0 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 120 }), fc.boolean(), async (sequence, length, hasDigest) => {
        const one = await client();
        const begin = {
          type: 'model_begin',
          config_json: '{"format":"gguf"}',
          weights_len: length,
          ...(hasDigest && { weights_sha256: '0'.repeat(64) }),
        };
        one.send(begin);
        for (const step of sequence) {
          if (step === 'begin') one.send(begin);
          else if (step === 'commit') one.send({ type: 'model_commit' });
          else one.send({ type: 'weights_chunk', index: step.index, data_b64: step.data, last: step.last });
        }
        one.send(...push(ggufFile()));
        for (;;) {
          const { type, ok } = await one.next();
          assert.ok(type === 'error' || type === 'model_status', type);
          if (ok === true) break;
        }
        one.destroy();
        await until(() => files().length === 0);
      }),
      { numRuns: 40 },
    );
  });
});
