import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { dialDonate } from '@shoal/client/donate';
import { createLlama } from '@shoal/engine-llama';
import { donateFramer } from '@shoal/protocol/donate';
import { serveDonate } from '@shoal/worker/donate';
import {
  DEMO_MODEL,
  documents,
  donate,
  fixtureClient,
  fixtureServer,
  NO_FIXTURES,
  rawFixtureClient,
  shoal,
} from './fixture.ts';

const MODEL = readFileSync(DEMO_MODEL);
const HELLO = new TextEncoder().encode('{"v":1,"type":"hello","mode":"model_push"}');
const SHA256 = createHash('sha256').update(MODEL).digest('hex');
/** An idle door ends within this time after the signal, even on a slow machine. */
const END_MS = 5_000;

interface Test {
  after(release: () => void): void;
}

function folder(context: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'shoal-donate-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

suite('shoal donate', { concurrency: 2 }, () => {
  test(
    'runs the model that the other program uploads, and deletes it afterwards',
    { skip: NO_FIXTURES },
    async (context) => {
      const home = folder(context);
      const [node, port] = await donate(context, home, '--mode', 'model_push', '--folder', join(home, 'pushed'));
      const asked = [
        '--push',
        DEMO_MODEL,
        '--ids',
        '5,6,7',
        '--max-tokens',
        '4',
        '--ids',
        '5,6,7,8',
        '--ids',
        '5,99999',
      ];
      const { exitCode, frames, stderr } = await fixtureClient(context, port, ...asked);
      const [hello, mounted, first, second, unknown] = frames;
      assert.deepEqual([hello?.['mode'], hello?.['queue_capacity'], hello?.['v']], ['model_push', 64, 1]);
      assert.deepEqual(mounted, { v: 1, type: 'model_status', ok: true, message: 'mounted' });
      const ids = first?.['output_ids'];
      assert.ok(Array.isArray(ids) && ids.length === 7);
      assert.deepEqual([ids.slice(0, 3), first?.['queue_depth'], first?.['ok']], [[5, 6, 7], 0, true]);
      assert.equal(second?.['ok'], true);
      assert.match(String(unknown?.['error']), /99999/);
      assert.equal(exitCode, 1, stderr);
      const refused = await fixtureClient(context, port, '--prompt', 'hi');
      assert.match(refused.stderr, /this node is model_push; mount model and send infer/);
      const truncated = join(home, 'cut.gguf');
      writeFileSync(truncated, MODEL.subarray(0, 100_000));
      const cut = await fixtureClient(context, port, '--push', truncated);
      assert.match(cut.stderr, /model refused: .*truncated/);
      assert.ok(!cut.stderr.includes(home), 'the peer does not get the file name');
      const startedAt = performance.now();
      node.signal('SIGTERM');
      assert.equal(await node.ended(), 0, node.stderr);
      assert.ok(performance.now() - startedAt < END_MS);
      assert.ok(!existsSync(join(home, 'pushed')), 'a folder that was made for it is gone');
      assert.match(node.stderr, /mount answered/);
    },
  );

  test('answers the other program’s prompts with its own model', { skip: NO_FIXTURES }, async (context) => {
    const home = folder(context);
    const [node, port] = await donate(context, home, '--model', DEMO_MODEL, '--host', '0.0.0.0');
    assert.match(node.stderr, /no TLS and no authentication/);
    const { exitCode, frames } = await fixtureClient(context, port, '--prompt', 'What is 2+2?', '--max-out', '20');
    assert.equal(exitCode, 0);
    assert.equal(frames[0]?.['local_lm_path'], 'shoal-demo');
    assert.match(String(frames[1]?.['text']), /4/);
    const infer = await fixtureClient(context, port, '--ids', '1');
    assert.match(infer.stderr, /this node is local_lm; send prompt, not infer/);
    const push = await fixtureClient(context, port, '--push', DEMO_MODEL);
    assert.match(push.stderr, /model_push not enabled on this node/);
    const second = shoal(context, home, 'donate', '--port', port, '--model', join(home, 'none.gguf'));
    assert.equal(await second.ended(), 1);
    assert.match(second.stderr, /the port is taken/, 'checked before the missing model');
    const modelless = shoal(context, home, 'donate', '--port', '0', '--model', join(home, 'none.gguf'));
    assert.equal(await modelless.ended(), 2);
    assert.match(modelless.stderr, /There is no model file .*none\.gguf/);
    node.signal('SIGTERM');
    assert.equal(await node.ended(), 0, node.stderr);
  });

  test('invalid frames close the other program’s connection with an error', { skip: NO_FIXTURES }, async (context) => {
    const [, port] = await donate(context, folder(context), '--engine', 'echo');
    for (const hex of ['00000000', '01000004', '16030102000100']) {
      const client = rawFixtureClient(context, port, '--raw');
      client.write(`${JSON.stringify({ hex })}\n`);
      await client.until(() => documents(client).find(({ event }) => event === 'closed'), 'the close');
      assert.deepEqual(
        documents(client).map(({ type, error }) => error ?? type),
        ['hello', 'bad message', undefined],
      );
    }
  });
});

suite('shoal push', { concurrency: 2 }, () => {
  test('uploads to our node, sends prompts as text and as ids, and shows progress', async (context) => {
    const home = folder(context);
    const [node, port] = await donate(context, home, '--mode', 'model_push');
    const staged = join(home, 'cache', 'donate');
    assert.ok(node.stdout.includes(`Models are kept in ${staged} `) && existsSync(staged), node.stdout);
    const to = ['push', DEMO_MODEL, '--to', `127.0.0.1:${port}`];
    const byText = shoal(context, home, ...to, '--prompt', 'What is 2+2?');
    assert.equal(await byText.ended(), 0, byText.stderr);
    assert.match(byText.stdout, /4/);
    assert.match(byText.stderr, /100 %, 3\.8 MB of 3\.8 MB, .*\/s/);
    const byIds = shoal(context, home, ...to, '--ids', '5,6,7', '--max-tokens', '4', '--json');
    assert.equal(await byIds.ended(), 0, byIds.stderr);
    assert.equal((JSON.parse(byIds.stdout) as { output_ids: number[] }).output_ids.length, 7);
    const without = shoal(context, home, 'push', '--to', `127.0.0.1:${port}`, '--prompt', 'hi');
    assert.equal(await without.ended(), 2);
    assert.match(without.stderr, /no model of its own/);
    node.signal('SIGTERM');
    assert.equal(await node.ended(), 0, node.stderr);
    assert.ok(!existsSync(staged));
  });

  test('an invalid upload is wrong usage, before a connection is opened', async (context) => {
    const home = folder(context);
    const text = join(home, 'notes.gguf');
    writeFileSync(text, 'These are my notes.');
    const address = ['--to', '127.0.0.1:1'];
    const wrong: [args: readonly string[], message: RegExp][] = [
      [[text, ...address], /notes\.gguf is not a GGUF file\./],
      [[join(home, 'none.gguf'), ...address], /There is no model file .*none\.gguf\./],
      [
        [...address, '--ids', '1,2'],
        /--ids needs the model it belongs to: shoal push MODEL\.gguf --to 127\.0\.0\.1:1 --ids 1,2$/m,
      ],
      [['--to', '::1', '--prompt', 'hi'], /"::1" is not an address\. .*\[IPV6\]:PORT/],
    ];
    await Promise.all(
      wrong.map(async ([args, message]) => {
        const push = shoal(context, home, 'push', ...args);
        assert.equal(await push.ended(), 2, push.stderr);
        assert.match(push.stderr, message);
      }),
    );
  });

  test('the loss of a node during an upload is reported with its address and the progress', async (context) => {
    const server = createServer((socket) => {
      socket.write(donateFramer().encode(HELLO));
      let bytes = 0;
      socket.on('error', () => undefined);
      socket.on('data', ({ length }) => {
        bytes += length;
        if (bytes > MODEL.length) socket.destroy();
      });
    });
    context.after(() => void server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const to = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const home = folder(context);
    const large = join(home, 'large.gguf');
    writeFileSync(large, MODEL);
    truncateSync(large, 100_000_000);
    const push = shoal(context, home, 'push', large, '--to', to);
    assert.equal(await push.ended(), 1);
    const lost = new RegExp(
      `^shoal: ${to} went away during the upload \\([\\d.]+ MB of 100 MB\\)\\. Push again once it is back\\.$`,
      'm',
    );
    assert.match(push.stderr, lost);
  });

  test('sends prompts to a node with its own model, and does not upload another', async (context) => {
    const home = folder(context);
    const [, port] = await donate(context, home, '--model', DEMO_MODEL);
    const ask = shoal(context, home, 'push', '--to', `127.0.0.1:${port}`, '--prompt', 'What is 2+2?');
    assert.equal(await ask.ended(), 0, ask.stderr);
    assert.match(ask.stdout, /4/);
    const push = shoal(context, home, 'push', DEMO_MODEL, '--to', `127.0.0.1:${port}`, '--prompt', 'hi');
    assert.equal(await push.ended(), 2);
    assert.match(push.stderr, /runs shoal-demo and takes no other/);
  });

  test('uploads to the other program’s server', { skip: NO_FIXTURES }, async (context) => {
    const [server, port] = await fixtureServer(context);
    const push = shoal(context, folder(context), 'push', DEMO_MODEL, '--to', `127.0.0.1:${port}`, '--ids', '1,2,3');
    assert.equal(await push.ended(), 0, push.stderr);
    assert.equal(push.stdout, '1,2,3,4,5,6,7,8,9,10,11\n');
    const mounted = await server.until(() => documents(server).find(({ event }) => event === 'mounted'), 'the model');
    assert.deepEqual([mounted['bytes'], mounted['sha256']], [MODEL.length, SHA256]);
  });
});

suite('serveDonate', () => {
  test('eight clients that push the same model use one, which is loaded once', async (context) => {
    let loads = 0;
    const listener = await serveDonate({
      mode: 'model_push',
      port: 0,
      folder: folder(context),
      mount(modelPath, options) {
        loads += 1;
        return createLlama({ modelPath, slots: 1, threads: 1, gpuLayers: 0, ...options });
      },
    });
    const one = async (): Promise<readonly number[]> => {
      const node = await dialDonate(listener.address);
      await node.putModel(createReadStream(DEMO_MODEL), { length: MODEL.length, sha256: SHA256 });
      const ids = await node.infer({ ids: [5, 6, 7], maxTokens: 4 });
      node.close();
      return ids;
    };
    try {
      const together = await Promise.all(Array.from({ length: 8 }, one));
      assert.deepEqual([...together, await one()], Array<unknown>(9).fill(together[0]));
      assert.equal(together[0]?.length, 7);
      assert.equal(loads, 1);
    } finally {
      await listener.close();
    }
  });
});

suite('dialDonate', () => {
  test(
    'sends prompts to the other program’s local_lm server, one job at a time',
    { skip: NO_FIXTURES },
    async (context) => {
      const [, port] = await fixtureServer(context, '--mode', 'local_lm', '--local-lm-path', '/models/theirs.gguf');
      const node = await dialDonate(`127.0.0.1:${port}`);
      assert.deepEqual(node.hello, { mode: 'local_lm', model: '/models/theirs.gguf', queueCapacity: 64 });
      const asked = ['a', 'b', 'c'].map((text) => node.prompt(text));
      const push = node.putModel(createReadStream(DEMO_MODEL), { length: MODEL.length });
      assert.deepEqual(await Promise.all(asked), ['echo: a', 'echo: b', 'echo: c']);
      await assert.rejects(push, { code: 'INVALID_REQUEST', message: 'model_push not enabled on this node' });
      await assert.rejects(node.infer({ ids: [1] }), { message: 'this node is local_lm; send prompt, not infer' });
      node.close();
      await assert.rejects(node.prompt('d'), { code: 'WORKER_LOST' });
    },
  );

  test('a model with a wrong length closes the connection', { skip: NO_FIXTURES }, async (context) => {
    const [, port] = await fixtureServer(context);
    for (const length of [MODEL.length - 1, MODEL.length + 1]) {
      const node = await dialDonate(`127.0.0.1:${port}`);
      await assert.rejects(node.putModel(createReadStream(DEMO_MODEL), { length }), { code: 'INVALID_REQUEST' });
      await assert.rejects(node.infer({ ids: [1] }), { code: 'WORKER_LOST' });
    }
  });

  test('an invalid address and a closed port give different errors', async () => {
    for (const address of ['', 'a b', 'host:0', 'host:99999', '::1']) {
      await assert.rejects(dialDonate(address), { code: 'INVALID_REQUEST' });
    }
    await assert.rejects(dialDonate('127.0.0.1:1'), { code: 'CONNECT_FAILED' });
  });
});
