import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { homeFiles, locateHome, prepareHome } from './home.ts';

test('SHOAL_HOME comes before OPENGATEWAY_POC_ROOT, and that before the XDG folders', () => {
  const all = { SHOAL_HOME: '/a', OPENGATEWAY_POC_ROOT: '/b', XDG_STATE_HOME: '/c' };
  assert.deepEqual(locateHome(all), { config: '/a', state: '/a', data: '/a' });
  assert.equal(locateHome({ ...all, SHOAL_HOME: '' }).state, '/b');
  assert.deepEqual(locateHome({ XDG_STATE_HOME: '/c', XDG_DATA_HOME: 'relative' }), {
    config: join(homedir(), '.config/shoal'),
    state: '/c/shoal',
    data: join(homedir(), '.local/share/shoal'),
  });
});

test('a named node has a folder in the home', () => {
  const home = locateHome({ SHOAL_HOME: '/a' }, 'NodeB');
  assert.equal(homeFiles(home).identity, '/a/nodes/NodeB/identity');
});

test('all nodes of a home share its models', () => {
  const environment = { SHOAL_HOME: '/a' };
  assert.equal(homeFiles(locateHome(environment)).models, '/a/models');
  assert.equal(homeFiles(locateHome(environment, 'NodeB')).models, '/a/models');
});

test('homes with the same SHOAL_MODELS share its models', () => {
  const homes = ['/a', '/b'].flatMap((path) => {
    const environment = { SHOAL_HOME: path, SHOAL_MODELS: '/models' };
    return [locateHome(environment), locateHome(environment, 'NodeB')];
  });
  assert.deepEqual([...new Set(homes.map((home) => homeFiles(home).models))], ['/models']);
  assert.equal(homes.length, 4);
});

test('all homes of a user share one store of models by default, which a home with models of its own does not', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-home-'));
  t.after(() => rmSync(root, { recursive: true }));
  const models = (environment: NodeJS.ProcessEnv, node?: string): string =>
    relative(root, homeFiles(locateHome({ HOME: root, ...environment }, node)).models);
  const own = join(root, 'own');
  mkdirSync(join(own, 'models/names'), { recursive: true });
  const shared = '.local/share/shoal/models';
  assert.equal(models({ XDG_DATA_HOME: join(root, '.local/share') }), shared);
  for (const SHOAL_HOME of [join(root, 'a'), own]) assert.equal(models({ SHOAL_HOME }), shared, SHOAL_HOME);
  assert.equal(models({ SHOAL_HOME: own }, 'NodeB'), shared);
  assert.equal(models({ OPENGATEWAY_POC_ROOT: own }), shared);
  assert.equal(models({ SHOAL_HOME: own, XDG_DATA_HOME: join(root, 'data') }), 'data/shoal/models');
  assert.equal(models({ SHOAL_HOME: own, SHOAL_MODELS: join(root, 'm') }), 'm');
  writeFileSync(join(own, 'models/names/one.json'), '');
  assert.equal(models({ SHOAL_HOME: own }), 'own/models');
  assert.equal(models({ SHOAL_HOME: own }, 'NodeB'), 'own/models');
  writeFileSync(join(root, 'file'), '');
  const nowhere = { SHOAL_HOME: join(root, 'a'), HOME: join(root, 'file') };
  assert.equal(models(nowhere), 'a/models', 'a user without a folder of their own');
});

test('a node name that could lead elsewhere is refused', () => {
  for (const name of ['..', '../x', 'a/b', '', '.hidden', 'x'.repeat(65), 'a\n']) {
    assert.throws(() => locateHome({ SHOAL_HOME: '/a' }, name), { code: 'INVALID_REQUEST' }, name);
  }
});

test('only the owner can read the created folders', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-home-'));
  t.after(() => rmSync(root, { recursive: true }));
  const home = locateHome({ SHOAL_HOME: join(root, 'home') });
  prepareHome(home);
  assert.equal(statSync(home.state).mode & 0o777, 0o700);
  assert.equal(statSync(homeFiles(home).logs).mode & 0o777, 0o700);
});

test('the error for a home that cannot be created names it and says what to do', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-home-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'file'), '');
  const home = locateHome({ SHOAL_HOME: join(root, 'file/home') });
  assert.throws(() => prepareHome(home), {
    code: 'INVALID_REQUEST',
    message: /file\/home cannot be written.*SHOAL_HOME/,
  });
});
