import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { locateHome, prepareHome } from '@shoal/host/home';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { plistText } from './launchd.ts';
import { MARK, type ServiceManager } from './manager.ts';
import { pickManager } from './pick-manager.ts';
import { planService, type ServicePlan } from './plan.ts';
import { systemd, unitText } from './systemd.ts';
import { taskText } from './task-scheduler.ts';

/** The worst level of exposure of a unit whose settings may need namespaces, of 100. */
const EXPOSURE_MAX = 35;

/** The plan of a node in a folder with characters that the formats give a meaning. */
function strangePlan(t: TestContext): ServicePlan {
  const environment = { SHOAL_HOME: join(temporaryFolder(t), 'a "b" %h $x & <c>') };
  const home = locateHome(environment, 'NodeA');
  prepareHome(home);
  return planService(home, environment);
}

function analyze(
  t: TestContext,
  plan: ServicePlan,
  ...args: readonly string[]
): { status: number | null; output: string } {
  const folder = temporaryFolder(t);
  const file = join(folder, `${plan.name}.service`);
  writeFileSync(file, unitText(plan, true));
  mkdirSync(join(folder, 'run'));
  const env = { ...process.env, XDG_RUNTIME_DIR: join(folder, 'run') };
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['--user', ...args, file], { env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const skip = hasSystemd ? false : 'systemd-analyze is missing: install systemd';

test('systemd accepts the unit, whatever the folders are called', { skip }, (t) => {
  assert.deepEqual(analyze(t, strangePlan(t), 'verify'), { status: 0, output: '' });
});

test('the unit is as little exposed as V8 and GPUs allow', { skip }, (t) => {
  const { status, output } = analyze(t, strangePlan(t), 'security', '--offline=true', `--threshold=${EXPOSURE_MAX}`);
  assert.equal(status, 0, output);
});

test('the unit names absolute paths, escaped for systemd, and folders that the node may write to', (t) => {
  const plan = strangePlan(t);
  const text = unitText(plan, true);
  const lines = text.split('\n');
  const find = (name: string): string => lines.find((line) => line.startsWith(`${name}=`)) ?? '';
  assert.match(find('ExecStart'), /^ExecStart="\/.*" "\/.*shoal\.js" "serve" "--node" "NodeA"$/);
  assert.match(find('Environment'), /a \\"b\\" %%h \$x & <c>"$/);
  assert.match(find('ReadWritePaths'), /^ReadWritePaths="-\/.*NodeA" "-\/.*%%h \$x & <c>"$/);
  assert.ok(find('StandardOutput').endsWith('/a "b" %%h $x & <c>/nodes/NodeA/logs/shoal.log'));
  assert.doesNotMatch(unitText(plan, false), /^(Protect|Private)/m);
});

test('the service has the places of the shell that installs it, as absolute paths', (t) => {
  const folder = temporaryFolder(t);
  const environment = { SHOAL_HOME: join(folder, 'home'), SHOAL_MODELS: 'models', SHOAL_PORT: '1' };
  const plan = planService(locateHome(environment), environment);
  assert.deepEqual(plan.environment, { SHOAL_HOME: join(folder, 'home'), SHOAL_MODELS: resolve('models') });
  assert.deepEqual(plan.writable, [join(folder, 'home'), resolve('models')]);
  const shared = { SHOAL_HOME: join(folder, 'home'), HOME: folder };
  const { writable } = planService(locateHome(shared), shared);
  assert.deepEqual(writable, [join(folder, 'home'), join(folder, '.local/share/shoal/models')]);
});

test('every file carries the mark and the path of the log, by which uninstall knows it', async (t) => {
  const plan = strangePlan(t);
  for (const platform of ['darwin', 'win32'] as const) {
    const manager: ServiceManager = pickManager(platform);
    const text = await manager.text(plan);
    assert.ok(text.includes(MARK) && text.includes(manager.inFile(plan.log)), platform);
    assert.ok(!manager.isTested);
  }
  assert.ok(unitText(plan, true).includes(MARK) && unitText(plan, true).includes(systemd.inFile(plan.log)));
  assert.throws(() => pickManager('aix'), /no services on aix/);
});

test('the files of launchd and Windows escape what XML gives a meaning', (t) => {
  const plan = strangePlan(t);
  for (const text of [plistText(plan), taskText(plan)]) {
    assert.ok(text.includes('%h $x &amp; &lt;c&gt;'));
    assert.doesNotMatch(text.replaceAll(/&(amp|lt|gt|quot);/g, ''), /&/);
  }
});

test('a path with a line break is refused', (t) => {
  const environment = { SHOAL_HOME: join(temporaryFolder(t), 'a\nb') };
  assert.throws(() => planService(locateHome(environment), environment), /contains a line break/);
});
