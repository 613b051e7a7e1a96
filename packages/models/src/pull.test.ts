import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isDigest } from '@shoal/files/digest';
import { ShoalError } from '@shoal/protocol/error';
import { inspectModel } from './gguf/inspect.ts';
import type { PullProgress } from './progress.ts';
import { pull, type PullOptions } from './pull.ts';
import { ModelStore } from './store/store.ts';
import { DEMO, DEMO_PATH } from './testing/demo-model.ts';
import { addOllamaModel, addRepository, openHub, sha256 } from './testing/hub.ts';
import { splitModel } from './testing/split-model.ts';
import { temporaryFolder } from '@shoal/files/testing/temporary-folder';

const DEMO_DIGEST = `sha256:${sha256(DEMO)}`;

test('a model of Hugging Face is pulled by quantisation, by file or by preference', async (t) => {
  const { hub, store, get } = await setUp(t);
  const other = Buffer.from('never fetched');
  addRepository(hub, 'owner/Demo-GGUF', {
    'demo.F16.gguf': other,
    'demo.Q4_K_M.gguf': DEMO,
    'mmproj-demo.Q4_K_M.gguf': other,
    'more/demo.Q8_0.gguf': DEMO,
  });
  for (const [selector, name] of [
    ['', 'Q4_K_M'],
    [':q4_k_m', 'Q4_K_M'],
    [':demo.Q4_K_M.gguf', 'demo.Q4_K_M'],
    [':demo.q8_0.gguf', 'demo.Q8_0'],
  ]) {
    const model = await get(`hf:owner/Demo-GGUF${selector}`);
    assert.equal(model.name, `hf.co/owner/Demo-GGUF:${name}`);
    assert.equal(model.digest, DEMO_DIGEST);
  }
  assert.ok(readFileSync((await store.resolve('hf.co/owner/demo-gguf:q4_k_m')).path).equals(DEMO));
  assert.equal(hub.sentBytes, DEMO.length, 'the same content is fetched once');
  await assert.rejects(get('hf:owner/Demo-GGUF:Q2_K'), { code: 'MODEL_NOT_FOUND', message: /F16, Q4_K_M, Q8_0/ });
});

test('a model of Ollama’s registry is pulled by its name', async (t) => {
  const { hub, get } = await setUp(t);
  addOllamaModel(hub, 'library/llama3.2', '1b', DEMO);
  addOllamaModel(hub, 'owner/model', 'latest', DEMO);
  assert.equal((await get('llama3.2:1b')).name, 'llama3.2:1b');
  assert.equal((await get('owner/model')).name, 'owner/model:latest');
  await assert.rejects(get('llama3.2:7b'), { code: 'MODEL_NOT_FOUND', message: /127\.0\.0\.1 has no llama3\.2:7b/ });
  await assert.rejects(get('a/b/c'), { code: 'INVALID_REQUEST', message: /hf:OWNER\/REPO/ });
});

test('a local file and a link are pulled under the name of their file or a given name', async (t) => {
  const { hub, store, get } = await setUp(t);
  hub.files.set('/some/My Model.gguf', DEMO);
  assert.equal((await get(`file:${DEMO_PATH}`)).name, 'shoal-demo:latest');
  const link = new URL('some/My%20Model.gguf?signature=secret', hub.url).href;
  const model = await get(link, { name: 'mine' });
  assert.equal(model.name, 'mine:latest');
  assert.equal(model.source, new URL('some/My%20Model.gguf', hub.url).href, 'a signature is not stored');
  assert.equal((await get(link)).name, 'My-Model:latest');
  await assert.rejects(get('file:/nowhere.gguf'), { code: 'MODEL_NOT_FOUND' });
  const digest = `sha256:${'0'.repeat(64)}`;
  assert.ok(isDigest(digest));
  await assert.rejects(get(`file:${DEMO_PATH}`, { digest }), { code: 'INVALID_REQUEST' });
  await assert.rejects(get(link, { digest }), { code: 'BAD_MESSAGE' });
  assert.equal((await store.list()).length, 3);
});

test('a link whose size and ETag are unchanged is not downloaded again', async (t) => {
  const { hub, get } = await setUp(t);
  const link = new URL('model.gguf', hub.url).href;
  hub.files.set('/model.gguf', DEMO);
  const first = await get(link);
  hub.sentBytes = 0;
  assert.equal((await get(link)).digest, first.digest);
  assert.equal((await get(link, { name: 'another' })).digest, first.digest);
  assert.equal(hub.sentBytes, 2, 'one byte of each response');
  const [, changed] = splitModel();
  hub.files.set('/model.gguf', Buffer.concat([DEMO, changed]));
  assert.notEqual((await get(link)).digest, first.digest);
  hub.sendsEtags = false;
  await get(link);
  hub.sentBytes = 0;
  await get(link);
  assert.ok(hub.sentBytes > DEMO.length, 'without an ETag the content may have changed');
});

test('a refused connection is reported at once, with its address and the reason', async (t) => {
  const { get } = await setUp(t);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const place = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  server.close();
  await once(server, 'close');
  const wait = (): Promise<void> => assert.fail('it tried again');
  const refused = new RegExp(`${place} was refused \\(ECONNREFUSED\\): nothing listens there`);
  const options = { allowedHosts: [place], wait };
  await assert.rejects(get(`http://${place}/model.gguf`, options), { code: 'CONNECT_FAILED', message: refused });
  const hubs = { ollama: new URL(`http://${place}`) };
  await assert.rejects(get('tiny:1b', { hubs, wait }), { code: 'CONNECT_FAILED', message: refused });
});

test('a model in parts is one model, with its parts under the names that llama.cpp expects', async (t) => {
  const { hub, store, get } = await setUp(t);
  const [first, second] = splitModel();
  const files = { 'm-Q8_0-00001-of-00002.gguf': first, 'm-Q8_0-00002-of-00002.gguf': second };
  addRepository(hub, 'owner/split', files);
  const model = await get('hf:owner/split:Q8_0');
  assert.deepEqual(
    model.paths.map((path) => basename(path)),
    ['model-00001-of-00002.gguf', 'model-00002-of-00002.gguf'],
  );
  assert.deepEqual([readFileSync(model.paths[0] ?? ''), readFileSync(model.paths[1] ?? '')], [first, second]);
  assert.equal((await inspectModel(model.paths)).parameterCount, 1_894_080);
  assert.equal(statSync(model.path).nlink, 2, 'a link, not a copy');
  assert.deepEqual((await store.verify()).sound, [model.name]);

  const folder = temporaryFolder(t);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const local = await get(`file:${join(folder, 'm-Q8_0-00002-of-00002.gguf')}`);
  assert.deepEqual([local.name, local.digest], ['m-Q8_0:latest', model.digest]);
  await assert.rejects(get(`file:${join(folder, 'm-Q8_0-00001-of-00002.gguf')}`, { digest: model.files[0].digest }), {
    code: 'INVALID_REQUEST',
  });
  assert.equal((await store.remove(local.name)).freedBytes, 0);
  assert.equal((await store.remove(model.name)).freedBytes, first.length + second.length);
  assert.throws(() => statSync(model.path), { code: 'ENOENT' });
  await assert.rejects(get(new URL('owner/split/resolve/main/m-Q8_0-00001-of-00003.gguf', hub.url).href), {
    code: 'MODEL_NOT_FOUND',
  });
});

test('the token goes to the hub and never across a redirect', async (t) => {
  const { hub, get } = await setUp(t);
  const store = await openHub(t);
  addRepository(hub, 'owner/gated', { 'demo.gguf': DEMO });
  store.files.set('/signed', DEMO);
  hub.intercept = (request, response, url) => {
    if (request.headers.authorization !== 'Bearer canary') response.writeHead(401).end();
    else if (url.pathname.includes('resolve')) {
      response.writeHead(302, { location: new URL('signed', store.url).href }).end();
    } else return false;
    return true;
  };
  await assert.rejects(get('hf:owner/gated'), { code: 'UNAUTHORIZED', message: /HF_TOKEN/ });
  await assert.rejects(get('hf:owner/gated', { huggingFaceToken: 'wrong' }), { code: 'UNAUTHORIZED' });
  const model = await get('hf:owner/gated', { huggingFaceToken: 'canary', allowedHosts: [store.url.host] });
  assert.equal(model.digest, DEMO_DIGEST);
  assert.deepEqual(
    store.requests.map(({ authorization }) => authorization),
    [undefined],
  );
});

test('redirects into private networks, and too many of them, are refused', async (t) => {
  const { hub, get } = await setUp(t);
  for (const [location, code] of [
    ['https://169.254.169.254/x.gguf', 'INVALID_REQUEST'],
    ['https://2130706433/x.gguf', 'INVALID_REQUEST'],
    ['https://[::ffff:10.0.0.1]/x.gguf', 'INVALID_REQUEST'],
    ['http://93.184.215.14/x.gguf', 'INVALID_REQUEST'],
    ['file:///etc/passwd', 'INVALID_REQUEST'],
    ['/again', 'BAD_MESSAGE'],
  ] as const) {
    hub.requests.length = 0;
    hub.intercept = (_, response) => {
      response.writeHead(302, { location }).end();
      return true;
    };
    await assert.rejects(get(new URL('x.gguf', hub.url).href), { code }, location);
    assert.equal(hub.requests.length, location === '/again' ? 6 : 1);
  }
});

test('a file that is not a usable model is not added, and nothing of it stays', async (t) => {
  const { hub, store, get } = await setUp(t);
  hub.files.set('/page.gguf', Buffer.from('<!doctype html>'.padEnd(100)));
  hub.files.set('/cut.gguf', DEMO.subarray(0, DEMO.length - 1_000));
  for (const file of ['page.gguf', 'cut.gguf']) {
    await assert.rejects(get(new URL(file, hub.url).href), { code: 'INVALID_REQUEST', message: /GGUF/ });
  }
  hub.documents.set('/v2/library/adapted/manifests/latest', {
    layers: [{ mediaType: 'application/vnd.ollama.image.adapter' }],
  });
  await assert.rejects(get('adapted'), { code: 'INVALID_REQUEST', message: /adapter/ });
  assert.deepEqual(await store.list(), []);
  assert.deepEqual(await store.verify(), { sound: [], broken: [], unreadable: [], orphans: [], unfinishedBytes: 0 });
});

test('a refused pull leaves no files and no folders, whatever refuses it', async (t) => {
  const hub = await openHub(t);
  hub.files.set('/model.gguf', DEMO);
  hub.files.set('/page.gguf', Buffer.from('<!doctype html>'.padEnd(100)));
  addRepository(hub, 'owner/demo', { 'demo.Q8_0.gguf': DEMO });
  hub.files.set('/owner/demo/resolve/main/demo.Q8_0.gguf', DEMO.subarray(1));
  const wrong = `sha256:${sha256('another')}`;
  assert.ok(isDigest(wrong));
  const link = (file: string): string => new URL(file, hub.url).href;
  const refusals: readonly (readonly [string, PullOptions])[] = [
    [link('none.gguf'), {}],
    [link('page.gguf'), {}],
    [link('model.gguf'), { digest: wrong }],
    ['hf:owner/demo', {}],
    ['hf:owner/none', {}],
    ['http://192.168.255.1/model.gguf', {}],
    ['https://127.0.0.1/model.gguf', {}],
  ];
  const root = temporaryFolder(t);
  for (const [source, options] of refusals) {
    const folder = join(root, 'home', 'models');
    const hubs = { huggingFace: hub.url };
    await assert.rejects(pull(await ModelStore.open(folder), source, { hubs, ...options }), ShoalError, source);
    assert.deepEqual(readdirSync(root, { recursive: true }), [], source);
  }
});

test('pulls of one source that wait for each other are refused one after another, and leave nothing', async (t) => {
  const hub = await openHub(t);
  const root = temporaryFolder(t);
  const folder = join(root, 'models');
  const refused = async (): Promise<unknown> =>
    pull(await ModelStore.open(folder), new URL('none.gguf', hub.url).href, { allowedHosts: [hub.url.host] });
  const ends = await Promise.allSettled([refused(), refused(), refused()]);
  for (const end of ends) assert.ok(end.status === 'rejected' && end.reason.code === 'MODEL_NOT_FOUND');
  assert.deepEqual(readdirSync(root), []);
});

test('a refused pull leaves a store with models as it was', async (t) => {
  const { hub, store, get } = await setUp(t);
  hub.files.set('/model.gguf', DEMO);
  await get(new URL('model.gguf', hub.url).href);
  const before = readdirSync(store.folder, { recursive: true });
  const again = await ModelStore.open(store.folder);
  await assert.rejects(pull(again, new URL('none.gguf', hub.url).href, { allowedHosts: [hub.url.host] }), {
    code: 'MODEL_NOT_FOUND',
  });
  assert.deepEqual(readdirSync(store.folder, { recursive: true }), before);
});

test('a pull reports its progress, and two pulls of one model fetch it once', async (t) => {
  const { hub, store, get } = await setUp(t);
  addRepository(hub, 'owner/demo', { 'demo.Q8_0.gguf': DEMO });
  const seen: PullProgress[] = [];
  const [one, other] = await Promise.all([
    get('hf:owner/demo', { onProgress: (progress) => seen.push(progress) }),
    pull(await ModelStore.open(store.folder), 'hf:owner/demo', { hubs: { huggingFace: hub.url } }),
  ]);
  assert.deepEqual(one.digest, other.digest);
  assert.equal(hub.sentBytes, DEMO.length);
  assert.equal(seen[0]?.phase, 'finding');
  assert.deepEqual(seen.at(-1), { phase: 'done', doneBytes: DEMO.length, totalBytes: DEMO.length });
});

async function setUp(t: TestContext) {
  const hub = await openHub(t);
  const store = await ModelStore.open(temporaryFolder(t));
  const get = (source: string, options: PullOptions = {}) =>
    pull(store, source, {
      hubs: { huggingFace: hub.url, ollama: hub.url },
      wait: () => Promise.resolve(),
      ...options,
    });
  return { hub, store, get };
}
