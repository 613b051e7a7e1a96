import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { findInstallation, type Installation, removeCommand, updateCommands } from './installation.ts';

/** Creates files, and returns the installation of the launcher among them, with its folder relative to the test's one. */
function found(t: TestContext, launcher: string, files: Readonly<Record<string, string>> = {}): [string, string] {
  const root = temporaryFolder(t);
  for (const [name, text] of Object.entries({ [launcher]: '', ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const { kind, folder } = findInstallation(join(root, launcher));
  return [kind, folder.slice(root.length + 1)];
}

const CHECKOUT = 'shoal/apps/cli/bin/shoal.js';
const PACKAGE = 'node_modules/@shoal/cli/bin/shoal.js';

test('an installation is found by what lies around it', (t) => {
  const workspace = { 'shoal/apps/cli/package.json': '{}' };
  assert.deepEqual(found(t, CHECKOUT, { ...workspace, 'shoal/.git/HEAD': '' }), ['checkout', 'shoal']);
  assert.deepEqual(found(t, CHECKOUT, workspace), ['copy', 'shoal']);
  const copied = { 'root/app/apps/cli/package.json': '{}', 'root/app/.installed': '' };
  assert.deepEqual(found(t, 'root/app/apps/cli/bin/shoal.js', copied), ['script', 'root']);
  assert.deepEqual(found(t, `root/app/${PACKAGE}`, { 'root/app/.installed': '' }), ['script', 'root']);
  assert.deepEqual(found(t, `prefix/lib/${PACKAGE}`), ['npm global', 'prefix/lib']);
  assert.deepEqual(found(t, `project/${PACKAGE}`, { 'project/package.json': '{}' }), ['npm', 'project']);
  const lock = JSON.stringify({ packages: { 'node_modules/@shoal/cli': { resolved: 'file:shoal-cli.tgz' } } });
  const archive = { 'project/node_modules/.package-lock.json': lock };
  assert.deepEqual(found(t, `project/${PACKAGE}`, archive), ['archive', 'project']);
});

test('the commands name the folder, quoted for a shell', () => {
  const at = (kind: Installation['kind'], folder = '/a b'): string => updateCommands({ kind, folder }).join('; ');
  assert.equal(at('checkout', '/src/shoal'), 'git -C /src/shoal pull; npm --prefix /src/shoal ci');
  assert.equal(at('checkout'), "git -C '/a b' pull; npm --prefix '/a b' ci");
  assert.match(at('script'), /OPENGATEWAY_POC_ROOT='\/a b' \.\/scripts\/install\.sh$/);
  assert.equal(at('npm global'), 'npm install --global @shoal/cli@latest');
  assert.equal(removeCommand({ kind: 'script', folder: '/a' }), undefined);
  assert.equal(removeCommand({ kind: 'npm', folder: '/a' }), 'npm --prefix /a uninstall @shoal/cli');
});
