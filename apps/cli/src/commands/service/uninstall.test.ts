import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

/** Creates a home with files of Shoal, of a second node, and of the user. */
function filledHome(t: TestContext): Shoal {
  const person = temporaryFolder(t);
  const shoal = new Shoal(join(person, 'home'), { HOME: person, XDG_CONFIG_HOME: join(person, '.config') });
  const files = ['config.json', 'identity', 'logs/shoal.log', 'models/blobs/a', 'nodes/NodeB/identity', 'my notes.txt'];
  for (const name of files) {
    const path = join(shoal.home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, name);
  }
  return shoal;
}

test('uninstall lists what belongs to Shoal, and removes nothing without a confirmation', async (t) => {
  const shoal = filledHome(t);
  const { code, stdout } = await shoal.run(['uninstall']);
  assert.equal(code, 0);
  for (const name of ['config.json', 'identity', 'logs', 'nodes/NodeB/identity']) {
    assert.ok(stdout.includes(join(shoal.home, name)), name);
  }
  assert.doesNotMatch(stdout, /my notes/);
  assert.match(stdout, /The models stay, 14 B in .*models\..*--models\nNothing was removed\. Confirm with --yes\.\n$/);
  assert.ok(existsSync(join(shoal.home, 'identity')));
});

test('a confirmed uninstall leaves the files of others, and the models unless told', async (t) => {
  const shoal = filledHome(t);
  assert.equal((await shoal.run(['uninstall', '--yes'])).code, 0);
  assert.deepEqual(readdirSync(shoal.home).toSorted(), ['models', 'my notes.txt']);
  const { document } = await shoal.json(['uninstall', '--yes', '--models']);
  const { removed, items } = document as { removed: boolean; items: { kind: string; path: string }[] };
  assert.equal(removed, true);
  assert.deepEqual(
    items.map(({ kind }) => kind),
    ['models'],
  );
  assert.deepEqual(readdirSync(shoal.home), ['my notes.txt']);
  assert.match((await shoal.run(['uninstall', '--yes'])).stdout, /^No files of Shoal are here\.\n/);
});

test('a store of models in a folder of the user loses its own entries alone', async (t) => {
  const shoal = filledHome(t);
  const models = temporaryFolder(t);
  shoal.environment['SHOAL_MODELS'] = models;
  mkdirSync(join(models, 'names'));
  writeFileSync(join(models, 'mine.gguf'), 'mine');
  assert.equal((await shoal.run(['uninstall', '--yes', '--models'])).code, 0);
  assert.deepEqual(readdirSync(models), ['mine.gguf']);
});

test('a node that runs must be stopped first', async (t) => {
  const shoal = filledHome(t);
  writeFileSync(join(shoal.home, 'nodes/NodeB/node.pid'), `${process.pid}\n`);
  const { code, stderr } = await shoal.run(['uninstall', '--yes']);
  assert.equal(code, 1);
  assert.match(stderr, /A node runs \(pid \d+\)\. Stop it first: shoal --node NodeB stop/);
  assert.ok(existsSync(join(shoal.home, 'identity')));
});

test('update names the commands for this checkout and changes nothing', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const { code, document } = await shoal.json(['update']);
  const { kind, commands } = document as { kind: string; commands: string[] };
  assert.equal(code, 0);
  assert.ok(['checkout', 'copy'].includes(kind));
  assert.match(commands.at(-1) ?? '', /^npm --prefix .* ci$/);
  assert.deepEqual(readdirSync(shoal.home), []);
});
