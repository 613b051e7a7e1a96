import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProgram } from './program.ts';
import { errorCode, Shoal, temporaryFolder } from './testing/run-shoal.ts';

test('without a running node, commands that need one exit with 3 and do not create a home', async (t) => {
  const shoal = new Shoal(join(temporaryFolder(t), 'home'));
  assert.deepEqual(await shoal.run(['status']), { code: 3, stdout: 'not running\n', stderr: '' });
  const prompt = await shoal.run(['prompt', 'hi']);
  assert.equal(prompt.code, 3);
  assert.match(prompt.stderr, /^shoal: not running/);
  const commands = [['status'], ['clusters'], ['connect', 'c'], ['disconnect', 'c'], ['peers'], ['restart']];
  const results = await Promise.all(commands.map((args) => shoal.json(args)));
  for (const { code, document } of results) {
    assert.equal(code, 3);
    assert.equal(errorCode(document), 'HOST_OFFLINE');
  }
  assert.deepEqual(await shoal.run(['stop']), { code: 0, stdout: 'The node was not running.\n', stderr: '' });
  assert.deepEqual(await shoal.json(['stop']), { code: 0, document: { pid: null } });
  assert.ok(!existsSync(shoal.home));
});

test('wrong usage exits with 2, suggests the nearest command, and is a JSON document with --json', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const unknown = await shoal.run(['statsu']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /unknown command 'statsu'[^]*Did you mean status\?/);
  const wrong = [
    ['statsu'],
    ['connect'],
    ['serve', '--slots', 'many'],
    ['prompt', 'a', '--seed', 'x'],
    ['status', '--node', '../x'],
  ];
  for (const { code, document } of await Promise.all(wrong.map((args) => shoal.json(args)))) {
    assert.equal(code, 2);
    assert.equal(errorCode(document), 'INVALID_REQUEST');
  }
  assert.equal((await shoal.run([])).code, 2);
});

test('help exits with 0 and shows an example for each command', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const all = await shoal.run(['--help']);
  assert.equal(all.code, 0);
  const commands = [...all.stdout.matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, name]) => String(name));
  assert.ok(commands.includes('doctor') && commands.length >= 15, commands.join());
  assert.equal((await shoal.run(['status', '--help'])).code, 0);
  const program = createProgram({ quiet: false, finish: () => assert.fail('it ran') });
  for (const name of commands.filter((command) => command !== 'help')) {
    const command = program.commands.find((one) => one.name() === name) ?? assert.fail(name);
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    assert.match(help, new RegExp(`Example:\\n {2}\\$ shoal ${name}`));
  }
});

test('eligible measures the machine and checks its tiers without a node', async (t) => {
  const shoal = new Shoal(temporaryFolder(t));
  const { code, document } = await shoal.json(['eligible']);
  assert.equal(code, 0);
  const { resources, tiers } = document as { resources: { cpu_cores: number }; tiers: { name: string }[] };
  assert.ok(resources.cpu_cores >= 1);
  assert.equal(tiers.length, 10);
  assert.ok(existsSync(join(shoal.home, 'resources.json')));
});

test('doctor warns of an unreachable DHT and fails for a used port', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.after(() => holder.close());
  const address = holder.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  const shoal = new Shoal(temporaryFolder(t), { SHOAL_BOOTSTRAP: '127.0.0.1:9' });
  const [free, taken] = await Promise.all([
    shoal.json(['doctor']),
    new Shoal(shoal.home, { SHOAL_BOOTSTRAP: '127.0.0.1:9', SHOAL_PORT: String(port) }).json(['doctor']),
  ]);
  const level = ({ document }: { document: unknown }, name: string): string | undefined =>
    (document as { checks: { name: string; level: string }[] }).checks.find((check) => check.name === name)?.level;
  assert.deepEqual([free.code, level(free, 'DHT'), level(free, 'API port')], [0, 'warn', 'ok']);
  assert.deepEqual([taken.code, level(taken, 'DHT'), level(taken, 'API port')], [1, 'warn', 'fail']);
});

test('serve fails for a wrong configuration, an unusable home and a missing model, and names them', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'config.yaml'), 'slots: many\n');
  const [wrong, unusable, noModel] = await Promise.all([
    new Shoal(folder).run(['serve']),
    new Shoal(join(folder, 'config.yaml/home')).run(['serve']),
    new Shoal(join(folder, 'home')).run(['serve', '--lend', '--model', 'nowhere.gguf']),
  ]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /config\.yaml:1:1: "slots" must be a whole number/);
  assert.equal(unusable.code, 1);
  assert.match(unusable.stderr, /config\.yaml\/home cannot be written/);
  assert.equal(noModel.code, 1);
  assert.match(noModel.stderr, /There is no model file .*nowhere\.gguf/);
});
