import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { delimiter, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { findDemoModel } from '@shoal/host/engines';
import { addOllamaModel, addRepository, type Hub, openHub, sha256 } from '../packages/models/src/testing/hub.ts';
import type { Program } from './harness/program.ts';
import { type Ran, TestNetwork } from './harness/test-network.ts';

const ROOT = join(import.meta.dirname, '..');
const path = findDemoModel() ?? '';
const skip = path === '' ? 'the demo model is not part of this checkout' : false;
const model = skip === false ? readFileSync(path) : Buffer.alloc(0);

/** Piece size and interval of a slow server. */
const DRIP_BYTES = 256;
const DRIP_MS = 20;

const network = await TestNetwork.open();
after(() => network.close());

test('a pulled model is listed, shown, lent by name, and removed', { skip }, async (t) => {
  const hub = await openHub(t);
  addOllamaModel(hub, 'library/tiny', '1b', model);
  const { run, json } = scene('Lender', hub);

  const pulled = await run('pull', 'tiny:1b');
  assert.equal(pulled.code, 0, pulled.stderr);
  assert.match(pulled.stdout, /^Pulled tiny:1b \(3\.8 MB\)\. Lend it with: shoal serve --lend --model tiny:1b\n/);
  assert.match(pulled.stderr, /^Looking for tiny:1b …\n(.*\n)*Checking …\n$/);
  const listed = (await run('list')).stdout.split('\n');
  assert.match(listed[0] ?? '', /^NAME +SIZE +QUANTIZATION +WHERE$/);
  assert.match(listed[1] ?? '', /^tiny:1b +3\.8 MB +F16 +Shoal$/);

  const digest = `sha256:${sha256(model)}`;
  const shown = await json('show', 'tiny:1b', '--context-length', '512', '--slots', '2');
  const { memory, fits, tier, ...about } = shown;
  assert.deepEqual(
    [about['name'], about['digest'], about['quantization'], about['chat_template']],
    ['tiny:1b', digest, 'F16', true],
  );
  assert.ok(typeof memory === 'object' && memory !== null);
  assert.deepEqual({ ...memory, context_length: 512, slots: 2 }, memory);
  assert.ok(fits === 'ram' || fits === 'gpu');
  assert.equal(tier, 'SmolLM-360M');
  assert.match((await run('show', 'tiny:1b')).stdout, /^Fits here +yes, /m);

  const lending = ['--lend', '--threads', '1', '--gpu-layers', '0', '--model', 'tiny:1b'];
  const lender = await network.start('Lender', ...lending, '--cluster', 'models');
  const { models } = await lender.status();
  assert.deepEqual(
    models.map(({ id, digest: lent }) => [id, lent]),
    [['tiny:1b', digest]],
  );
  const answer = await lender.shoal(['prompt', '--temperature', '0', 'What is 2+2?']);
  assert.match(answer.stdout, /\b4\b/, answer.stderr);
  await lender.stop();

  assert.equal((await run('cp', 'tiny:1b', 'mine')).code, 0);
  assert.equal((await run('rm', 'mine', 'nosuch')).code, 1);
  assert.deepEqual(await json('rm', 'tiny:1b', 'mine', 'mine:latest'), {
    removed: [
      { name: 'tiny:1b', freed_bytes: 0 },
      { name: 'mine:latest', freed_bytes: model.length },
    ],
  });
});

test('an interrupted or killed pull resumes', { skip }, async (t) => {
  const hub = await openHub(t);
  addOllamaModel(hub, 'library/tiny', '1b', model);
  const { begin, run, json } = scene('Killed', hub);
  const starts: number[] = [];
  hub.intercept = (request, response, url) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
    if (!url.pathname.includes('/blobs/')) return false;
    starts.push(start);
    drip(response, start);
    return true;
  };

  const interrupted = begin('pull', 'tiny:1b');
  await interrupted.until(() => /^\d+ %/m.test(interrupted.stderr) || undefined, 'the first bytes');
  interrupted.signal('SIGINT');
  assert.equal(await interrupted.ended(), 130, interrupted.stderr);
  assert.match(interrupted.stderr, /The received bytes are kept\. Run the same command again to resume\./);

  const killed = begin('pull', 'tiny:1b');
  await killed.until(() => starts.length === 2 || undefined, 'to ask for the rest');
  killed.signal('SIGKILL');
  await killed.ended();
  assert.deepEqual((await json('models', 'verify'))['sound'], []);

  hub.intercept = () => false;
  assert.equal((await run('pull', 'tiny:1b')).code, 0);
  assert.equal(starts[0], 0);
  assert.ok((starts[1] ?? 0) > 0, `the second pull began at ${starts[1]}`);
  assert.ok(hub.sentBytes < model.length, 'the third fetched the rest only');
  const verified = await json('models', 'verify');
  assert.deepEqual(verified, { sound: ['tiny:1b'], broken: [], unreadable: [], orphans: [], unfinished_bytes: 0 });
});

test('invalid downloads are refused with advice', { skip }, async (t) => {
  const hub = await openHub(t);
  const elsewhere = await openHub(t);
  elsewhere.files.set('/tiny.gguf', model);
  addRepository(hub, 'owner/odd', { 'a\u001b[31m.Q2_K.gguf': model, 'b.Q3_K_M.gguf': model });
  const { run } = scene('Wrong', hub);
  const link = new URL('tiny.gguf', elsewhere.url).href;

  const [unknown, digest, host, odd, usage, file] = await Promise.all([
    run('serve', '--lend', '--port', '0', '--model', 'tiny:1b'),
    run('pull', link, '--allow-host', elsewhere.url.host, '--digest', `sha256:${'0'.repeat(64)}`),
    run('pull', link, '--name', 'other'),
    run('pull', 'hf:owner/odd:Q8_0'),
    run('pull', 'tiny', '--digest', 'abc'),
    run('pull', './tiny.gguf'),
  ]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /No model "tiny:1b" here; there are: demo\. "shoal pull" downloads one/);
  assert.equal(digest.code, 1);
  assert.match(digest.stderr, /digest/);
  assert.equal(host.code, 1);
  assert.equal(odd.code, 1);
  assert.match(odd.stderr, /Select a model of owner\/odd/);
  assert.ok(!odd.stderr.includes('\u001b'), 'names of files cannot paint the terminal');
  assert.equal(usage.code, 2);
  assert.equal(file.code, 1);
  assert.match(file.stderr, /^(?:Looking for .*\n)?shoal: .*\/tiny\.gguf/);
  const { stdout: list } = await run('list');
  assert.match(list, /^demo +3\.8 MB +F16 +comes with Shoal\ndemo is a toy\. Get a model with "shoal pull /m);
});

test('homes of one user share their models, also when they pull the same one at once', { skip }, async (t) => {
  const { environment } = scene('Shared', await openHub(t));
  const inHome = (name: string, ...args: readonly string[]): Promise<Ran> => {
    const home = network.home(name);
    return network.shoal(home, args, { environment: { ...environment, SHOAL_HOME: home, SHOAL_MODELS: '' } });
  };
  for (const pulled of await Promise.all(['One', 'Two'].map((home) => inHome(home, 'pull', path ?? '')))) {
    assert.equal(pulled.code, 0, pulled.stderr);
  }
  const { stdout } = await inHome('Three', 'show', 'shoal-demo:latest', '--json');
  const { owner, path: blob }: { owner: string; path: string } = JSON.parse(stdout);
  assert.equal(owner, 'shoal');
  assert.ok(blob.startsWith(join(network.home('Shared-user'), '.local/share/shoal/models/blobs/')), blob);
});

test('verify finds a broken model and explains how to repair it', { skip }, async (t) => {
  const { run, json } = scene('Broken', await openHub(t));
  assert.equal((await run('pull', path ?? '', '--name', 'demo')).code, 0);
  const { path: blob } = await json('show', 'demo');
  assert.ok(typeof blob === 'string');
  const damaged = Buffer.from(model);
  damaged[damaged.length - 1] = 255 - (damaged.at(-1) ?? 0);
  writeFileSync(blob, damaged);
  const { code, stdout } = await run('models', 'verify');
  assert.equal(code, 1);
  assert.match(stdout, /^0 models sound, 1 broken\ndemo:latest: its file .* has other content\n/);
  const [, removal = '', again = ''] = /shoal rm (\S+); shoal pull "(.*)"/.exec(stdout) ?? [];
  assert.equal((await run('rm', removal)).code, 0);
  assert.equal((await run('pull', again, '--name', 'demo')).code, 0);
  assert.equal((await run('models', 'verify')).code, 0);
});

test('npm run download-models pulls two models from Hugging Face', { skip }, async (t) => {
  const hub = await openHub(t);
  addRepository(hub, 'TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF', {
    'tinyllama-1.1b-chat-v1.0.Q4_K_M.gguf': model,
    'tinyllama-1.1b-chat-v1.0.Q8_0.gguf': Buffer.from('never fetched'),
  });
  addRepository(hub, 'bartowski/Llama-3.2-1B-Instruct-GGUF', { 'Llama-3.2-1B-Instruct-Q4_K_M.gguf': model });
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { environment, json } = scene('Downloads', hub);
  const program = network.run({
    name: 'download-models',
    interpreter: 'sh',
    command: ['-c', scripts['download-models'] ?? 'false'],
    folder: ROOT,
    environment: { ...environment, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` },
  });
  assert.equal(await program.ended(), 0, program.stderr);
  const { sound } = await json('models', 'verify');
  assert.deepEqual(sound, [
    'hf.co/TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF:Q4_K_M',
    'hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M',
  ]);
});

/** A range of the model from a server that is fast for the first half and very slow afterwards. */
function drip(response: ServerResponse, start: number): void {
  let sent = Math.max(start, Math.floor(model.length / 2));
  const range = `bytes ${start}-${model.length - 1}/${model.length}`;
  response.writeHead(206, { 'content-length': model.length - start, 'content-range': range });
  response.write(model.subarray(start, sent));
  const timer = setInterval(() => {
    response.write(model.subarray(sent, sent + DRIP_BYTES));
    sent += DRIP_BYTES;
  }, DRIP_MS);
  response.once('close', () => clearInterval(timer));
}

interface Scene {
  readonly environment: NodeJS.ProcessEnv;
  readonly begin: (...args: readonly string[]) => Program;
  readonly run: (...args: readonly string[]) => Promise<Ran>;
  /** Runs a command with `--json` and returns its document. */
  readonly json: (...args: readonly string[]) => Promise<Readonly<Record<string, unknown>>>;
}

/** Commands of one home that use this hub and cannot see other programs' models. */
function scene(name: string, hub: Hub): Scene {
  const home = network.home(name);
  const environment = {
    SHOAL_HOME: home,
    HOME: network.home(`${name}-user`),
    HF_ENDPOINT: hub.url.href,
    SHOAL_OLLAMA_REGISTRY: hub.url.href,
    HF_TOKEN: '',
    HF_HOME: '',
    HF_HUB_CACHE: '',
    OLLAMA_MODELS: '',
    XDG_CACHE_HOME: '',
  };
  const run = (...args: readonly string[]): Promise<Ran> => network.shoal(home, args, { environment });
  return {
    environment,
    run,
    begin: (...args) => network.begin(home, args, environment),
    json: async (...args) => JSON.parse((await run(...args, '--json')).stdout),
  };
}
