import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { locateHome } from '@shoal/host/home';
import { llamaCppSource } from '@shoal/host/engines/places';
import { findLlama } from '@shoal/host/engines/packages';
import { writeFakeNpm } from '../../engine/testing/fake-npm.ts';
import { type FakeBuild, fakeToolchain } from '../../engine/testing/fake-toolchain.ts';
import { errorCode, Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

const source = process.platform === 'win32' ? undefined : llamaCppSource(locateHome({ SHOAL_HOME: '/nowhere' }));
const skip = source === undefined ? 'llama.cpp is not installed for this processor' : false;

interface EngineDocument {
  readonly name: string;
  readonly here: boolean;
  readonly path?: string | undefined;
  readonly tried?: readonly object[] | undefined;
}
interface ListDocument {
  readonly engines: readonly EngineDocument[];
  readonly chosen: {
    readonly engine?: string | undefined;
    readonly why?: string | undefined;
    readonly error?: { readonly code: string };
  };
}

test(
  'a build is compiled in a temporary folder, moved to the home, and repeated only with --force',
  { skip },
  async (t) => {
    const folder = temporaryFolder(t);
    const shoal = builder(folder, 'works');
    const built = await shoal.run(['engine', 'build', '--gpu', 'none']);
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stderr, /Compiling, 50 %/);
    assert.match(built.stdout, /ran models of the types Q4_0, Q8_0, F16/);
    const engines = join(shoal.home, 'engines');
    const [name = ''] = readdirSync(engines);
    assert.deepEqual(readdirSync(engines), [`llama.cpp-${source?.release}`]);
    assert.ok(existsSync(join(engines, name, 'ggml-rpc-server')));

    const again = await shoal.json(['engine', 'build', '--gpu', 'none']);
    assert.equal((again.document as { built: boolean }).built, false);
    const forced = await shoal.json(['engine', 'build', '--gpu', 'none', '--force']);
    assert.equal((forced.document as { built: boolean }).built, true);

    const listed = await list(shoal);
    assert.equal(engineOf(listed, 'llama-server')?.path, join(engines, name, 'llama-server'));
    const removed = await shoal.run(['engine', 'remove', 'llama-server']);
    assert.equal(removed.code, 0);
    assert.deepEqual(readdirSync(engines), []);
  },
);

test('a build for another processor is not run', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const shoal = builder(folder, 'works');
  await shoal.run(['engine', 'build', '--gpu', 'none']);
  const path = join(shoal.home, 'engines', `llama.cpp-${source?.release}`, 'build.json');
  const description = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...description, processor: 'another' }));
  assert.equal(engineOf(await list(shoal), 'llama-server')?.here, false);
});

test('what a build lacks is named with its packages before anything is begun', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const shoal = builder(folder, 'works', ['cmake', 'c++']);
  const { code, stderr } = await shoal.run(['engine', 'build', '--gpu', 'none']);
  assert.equal(code, 1);
  assert.match(stderr, /lacks cmake, a C\+\+ compiler/);
  assert.match(stderr, process.platform === 'darwin' ? /brew install cmake/ : /apt install cmake g\+\+/);
  assert.ok(!existsSync(join(shoal.home, 'engines')));
});

test(
  'the error for a failed build has the compiler’s last output, and no files of the build remain',
  { skip },
  async (t) => {
    const folder = temporaryFolder(t);
    const shoal = builder(folder, 'fails');
    const { code, stderr } = await shoal.run(['engine', 'build', '--gpu', 'none']);
    assert.equal(code, 1);
    assert.match(stderr, /error: this is wrong/);
    assert.deepEqual(readdirSync(join(shoal.home, 'engines')), []);
  },
);

test('a build whose llama-server crashes on a model is not kept, and the signal is named', { skip }, async (t) => {
  const shoal = builder(temporaryFolder(t), 'works', [], 'q8_0');
  const { code, stderr } = await shoal.run(['engine', 'build', '--gpu', 'none']);
  assert.equal(code, 1);
  assert.match(stderr, /cannot run a Q8_0 model, so it is not kept.*SIGSEGV/s);
  assert.deepEqual(readdirSync(join(shoal.home, 'engines')), []);
});

test('Ctrl-C ends a build with its compilers, and leaves nothing behind', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const engines = join(folder, 'home/engines');
  mkdirSync(join(engines, '.building-999999999-dead'), { recursive: true });
  const shoal = builder(folder, 'hangs');
  const child = shoal.spawn(['engine', 'build', '--gpu', 'none']);
  assert.ok(child.stderr);
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stderr })) if (/50 %/.test(line)) break;
  child.kill('SIGINT');
  assert.deepEqual(await exit, [130, null]);
  assert.deepEqual(readdirSync(engines), []);
});

test('the list shows the engines, the one that a node would use, and the reason', async (t) => {
  const shoal = new Shoal(temporaryFolder(t), { PATH: '' });
  const listed = await list(shoal);
  assert.deepEqual(
    listed.engines.map(({ name }) => name),
    ['llama', 'llama-server', 'ollama', 'openai', 'echo'],
  );
  assert.equal(listed.chosen.engine, 'llama');
  assert.match(listed.chosen.why ?? '', /engine build/);
  writeFileSync(join(shoal.home, 'config.json'), '{"engine":"echo"}');
  assert.deepEqual((await list(shoal)).chosen, { engine: 'echo', why: 'it is configured' });
  writeFileSync(join(shoal.home, 'config.json'), '{"engine":"llama-server"}');
  assert.equal((await list(shoal)).chosen.error?.code, 'INVALID_REQUEST');
});

test('a GPU’s binaries are not brought without a word of agreement, and an unknown one is wrong usage', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  for (const args of [
    ['engine', 'add', 'vulkan'],
    ['engine', 'add', 'abacus'],
    ['engine', 'build', '--gpu', 'abacus'],
  ]) {
    const { code, document } = await shoal.json(args);
    assert.deepEqual([code, errorCode(document)], [2, 'INVALID_REQUEST'], args.join(' '));
  }
  const nothing = await shoal.json(['engine', 'remove', 'vulkan']);
  assert.deepEqual([nothing.code, errorCode(nothing.document)], [1, 'INVALID_REQUEST']);
});

const noPackages =
  process.platform !== 'linux' || process.arch !== 'x64' || findLlama().binary === undefined
    ? 'there are no such packages for this platform'
    : false;

test('a registry that describes another archive than the known one is refused', { skip: noPackages }, async (t) => {
  const folder = temporaryFolder(t);
  const specifier = `@node-llama-cpp/linux-x64-vulkan@${findLlama().binary?.version}`;
  const npm = writeFakeNpm(join(folder, 'npm'), specifier, { 'bins/linux-x64-vulkan/libllama.so': 'no library' });
  const shoal = new Shoal(join(folder, 'home'), { npm_execpath: npm });
  const { code, stderr } = await shoal.run(['engine', 'add', 'vulkan', '--yes']);
  assert.equal(code, 1);
  assert.match(stderr, /The registry describes another @node-llama-cpp\/linux-x64-vulkan/);
  assert.ok(!existsSync(join(shoal.home, 'engines')));
});

test('the list and doctor try binaries that were added, and say why they fail', { skip: noPackages }, async (t) => {
  const { version = '', folder = '' } = findLlama().binary ?? {};
  const shoal = new Shoal(temporaryFolder(t));
  const name = '@node-llama-cpp/linux-x64-vulkan';
  const added = join(shoal.home, 'engines', `node-llama-cpp-${version}`, name);
  mkdirSync(added, { recursive: true });
  writeFileSync(join(added, 'package.json'), JSON.stringify({ name, version }));
  symlinkSync(join(folder, 'bins'), join(added, 'bins'));
  const why = 'no card was found for vulkan, and the answer was computed on cpu';
  const llama = engineOf(await list(shoal), 'llama');
  assert.deepEqual(llama?.tried, [{ gpu: 'vulkan', works: false, why }]);
  const { stdout } = await shoal.run(['doctor', '--bootstrap', '127.0.0.1:1']);
  assert.match(stdout, /warn +GPU .*do not work: no card was found/);
  assert.match(stdout, /ok +llama.cpp .*the demo model answered/);
});

/** A command line with a fake toolchain, and an npm whose registry has the source of llama.cpp. */
function builder(folder: string, build: FakeBuild, without: readonly string[] = [], crashesOn = ''): Shoal {
  const tools = fakeToolchain(join(folder, 'tools'), build, without, crashesOn);
  const npm = writeFakeNpm(join(folder, 'npm'), source?.specifier ?? '', { 'llama/gitRelease.bundle': 'a bundle' });
  return new Shoal(join(folder, 'home'), { PATH: tools, npm_execpath: npm });
}

async function list(shoal: Shoal): Promise<ListDocument> {
  const { code, document } = await shoal.json(['engine', 'list']);
  assert.equal(code, 0);
  return document as ListDocument;
}

function engineOf({ engines }: ListDocument, wanted: string): EngineDocument | undefined {
  return engines.find(({ name }) => name === wanted);
}
