import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfiguration, type Configuration } from './configuration.ts';
import { unusedOpenGatewayKeys } from './file/configuration-file.ts';
import { launchSettings, type Flags } from './launch-settings.ts';
import { ShoalError } from '@shoal/protocol/error';
import { forgetCrash, hasCrashed, recordEnd } from '../home/crash.ts';
import { homeFiles, type Home } from '../home/home.ts';
import { checkSecrets, launchFlags, readLastRun, RunRecord } from './launch.ts';
import { SETTINGS } from './table.ts';
import { temporaryHome } from '../testing/temporary-home.ts';

function load(home: Home, flags: Flags = {}, environment: NodeJS.ProcessEnv = {}): Promise<Configuration> {
  return loadConfiguration(home, launchSettings(flags, environment));
}

function record(home: Home, flags: Flags): RunRecord {
  return new RunRecord(home, launchSettings(flags, {}), {});
}

function writeConfiguration(home: Home, text: string, name = 'config.json'): void {
  writeFileSync(join(home.config, name), text);
}

test('a node without settings uses the defaults: it does not lend and is in no cluster', async (t) => {
  const { name, ...rest } = await load(temporaryHome(t));
  assert.ok(name.length > 0);
  assert.deepEqual(rest, {
    clusters: [],
    bootstrap: [],
    engine: 'auto',
    gpuLayers: -1,
    keepAlive: '5m',
    queue: 16,
    maxTokens: 4_096,
    port: 17_002,
    host: '127.0.0.1',
    apiHosts: [],
    apiOrigins: [],
    aliases: {},
    autoModels: [],
    paddedTopic: true,
    doors: {},
    peers: [],
    logLevel: 'info',
  });
});

test('flags come before the environment, and that before the file', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, JSON.stringify({ port: 1, name: 'file', slots: 2, opengateway: { paddedTopic: false } }));
  const environment = {
    SHOAL_PORT: '2',
    NODE_NAME: 'environment',
    GPU_LAYERS: '0',
    POC_SERVE: '1',
    SHOAL_MODEL: 'echo',
  };
  const configuration = await load(home, { port: '3', lend: undefined }, environment);
  const { port, name, slots, paddedTopic, gpuLayers, lend, model } = configuration;
  assert.deepEqual(
    { port, name, slots, paddedTopic, gpuLayers, lend, model },
    { port: 3, name: 'environment', slots: 2, paddedTopic: false, gpuLayers: 0, lend: true, model: 'echo' },
  );
});

test('a door that a flag opens has the settings of the file', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, '{"doors":{"donate":{"port":4711}}}');
  const { doors } = await load(home, { doors: { donate: {}, qmesh: {} } });
  assert.deepEqual(doors, { donate: { port: 4711 }, qmesh: {} });
});

test('aliases come from the file or from a flag, and a restart gives the flag again', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, '{"aliases":{"gpt-3.5":"tiny"}}');
  assert.deepEqual((await load(home)).aliases, { 'gpt-3.5': 'tiny' });
  const flags = { aliases: ['claude-*=hf:a/b=c', 'gpt-4o=x', 'gpt-4o=qwen3'] };
  const aliases = { 'claude-*': 'hf:a/b=c', 'gpt-4o': 'qwen3' };
  assert.deepEqual((await load(home, flags)).aliases, aliases);
  await record(home, flags).begin();
  const { settings = {} } = (await readLastRun(home)) ?? {};
  assert.deepEqual(settings, { aliases });
  assert.deepEqual(launchFlags(settings), ['--alias=claude-*=hf:a/b=c', '--alias=gpt-4o=qwen3']);
});

test('aliases without a model or with spaces, and too many of them, are refused', () => {
  const refused = (aliases: unknown, message: RegExp): void =>
    assert.throws(() => launchSettings({ aliases }, {}), { code: 'INVALID_REQUEST', message });
  for (const text of ['gpt-3.5', 'gpt-3.5=']) refused([text], /^--alias must be the name of a model/);
  for (const text of ['=qwen3', 'a b=qwen3']) refused([text], /^--alias must be an object from aliases/);
  refused(
    Array.from({ length: 257 }, (_, index) => `${index}=qwen3`),
    /at most 256/,
  );
});

test('origins are those of web pages, or of programs with a scheme of their own', () => {
  const allowed = [
    'https://example.org',
    'http://localhost:3000',
    'http://[::1]:3000',
    'app://obsidian.md',
    'tauri://localhost',
    'vscode-webview://*',
  ];
  assert.deepEqual(launchSettings({ apiOrigins: allowed }, {}).apiOrigins, allowed);
  assert.deepEqual(launchSettings({}, { SHOAL_ORIGINS: 'https://a.b,app://c' }).apiOrigins, ['https://a.b', 'app://c']);
  const refused = [
    '*',
    'null',
    'https://*',
    'http://localhost:*',
    'https://a.b/',
    'https://A.b',
    'example.org',
    'https://u@a',
  ];
  for (const origin of refused) {
    assert.throws(() => launchSettings({ apiOrigins: [origin] }, {}), { message: /^--origin must be/ }, origin);
  }
});

test('the token of the doors is read from the environment and not recorded for restart', async (t) => {
  const home = temporaryHome(t);
  const environment = { SHOAL_WS_TOKEN: 'a long and secret word' };
  assert.equal((await load(home, {}, environment)).doorToken, 'a long and secret word');
  await new RunRecord(home, launchSettings({}, environment), await load(home, {}, environment)).begin();
  const recorded = readFileSync(homeFiles(home).launch, 'utf8');
  assert.ok(!recorded.includes('secret word') && recorded.includes('doorToken'));

  const run = await readLastRun(home);
  assert.ok(run);
  checkSecrets(run, await load(home, {}, environment));
  const without = await load(home);
  assert.throws(() => checkSecrets(run, without), { code: 'INVALID_REQUEST', message: /doorToken.*SHOAL_WS_TOKEN/ });
});

test('a run counts as crashed until it is told to stop, and a cluster that it left is not recorded', async (t) => {
  const home = temporaryHome(t);
  assert.equal(await readLastRun(home), undefined);
  const run = record(home, { lend: true, clusters: ['a', 'b'] });
  await run.begin();
  await Promise.all([run.forgetCluster('a'), run.forgetCluster('other')]);
  assert.deepEqual(await readLastRun(home), { settings: { lend: true, clusters: ['b'] }, secrets: [], ended: false });
  assert.equal(await hasCrashed(home), true);
  await run.forgetCluster('b');
  await forgetCrash(home);
  assert.deepEqual([await hasCrashed(home), (await readLastRun(home))?.ended], [false, true]);
  await run.end();
  assert.deepEqual(await readLastRun(home), { settings: { lend: true }, secrets: [], ended: true });
});

test('a run whose end cannot be recorded on a full disk is not continued', async (t) => {
  const home = temporaryHome(t);
  await record(home, { lend: true }).begin();
  const full = new ShoalError('STORAGE_FULL', 'full');
  await assert.rejects(recordEnd(home, Promise.reject(ShoalError.invalidRequest('x'))), { message: 'x' });
  assert.ok(await hasCrashed(home));
  await recordEnd(home, Promise.reject(full));
  assert.ok(!(await hasCrashed(home)));
  assert.equal(await readLastRun(home), undefined);
});

test('the record of version 0.1.0 is read', async (t) => {
  const home = temporaryHome(t);
  writeFileSync(homeFiles(home).launch, '{"lend":true}');
  assert.deepEqual(await readLastRun(home), { settings: { lend: true }, secrets: [], ended: true });
});

test('the key of a server is read from the environment or a private file and not recorded for restart', async (t) => {
  const home = temporaryHome(t);
  const environment = { OPENAI_API_KEY: '12345', OPENAI_BASE_URL: 'http://127.0.0.1:8000/v1' };
  const { openaiKey, openaiUrl } = await load(home, {}, environment);
  assert.deepEqual([openaiKey, openaiUrl], ['12345', environment.OPENAI_BASE_URL]);
  await new RunRecord(home, launchSettings({}, environment), { openaiKey }).begin();
  assert.ok(!readFileSync(homeFiles(home).launch, 'utf8').includes('12345'));
  writeConfiguration(home, '{"engine":"openai","model":"m.gguf","openaiKey":"sk-secret"}');
  chmodSync(join(home.config, 'config.json'), 0o644);
  await assert.rejects(load(home), { code: 'UNAUTHORIZED', message: /chmod 600 .*config\.json/ });
  chmodSync(join(home.config, 'config.json'), 0o600);
  const configuration = await load(home);
  assert.deepEqual([configuration.openaiKey, configuration.model], ['sk-secret', 'm.gguf']);
});

test('a file with a secret that others may read is refused, whichever secret it is', async (t) => {
  if (process.platform === 'win32') return t.skip('Windows has no such permissions');
  const home = temporaryHome(t);
  const secrets = Object.entries(SETTINGS).flatMap(([name, entry]) => ('secret' in entry ? [name] : []));
  assert.ok(secrets.length >= 3);
  for (const name of secrets) {
    writeConfiguration(home, JSON.stringify({ [name]: 'a-secret-of-16-characters' }));
    for (const mode of [0o640, 0o604]) {
      chmodSync(join(home.config, 'config.json'), mode);
      await assert.rejects(load(home), { code: 'UNAUTHORIZED', message: /chmod 600 .*config\.json/ });
    }
    chmodSync(join(home.config, 'config.json'), 0o600);
    await load(home);
  }
  writeConfiguration(home, '{"engine":"echo"}');
  chmodSync(join(home.config, 'config.json'), 0o644);
  await load(home);
});

test('the model echo selects the engine echo, from every source', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, '{"model":"echo"}');
  assert.equal((await load(home)).engine, 'echo');
  assert.equal((await load(home, { model: 'm.gguf' })).engine, 'auto');
});

test('a model name that is not a file stays as it is', async (t) => {
  assert.equal((await load(temporaryHome(t), { engine: 'ollama', model: 'llama3.2:1b' })).model, 'llama3.2:1b');
});

test('the clusters of file, environment and flags are joined together', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, '{"clusters":["a","b"]}');
  const { clusters } = await load(home, { clusters: ['c', 'b'] }, { POC_CLUSTER_ID: 'd' });
  assert.deepEqual([...clusters].sort(), ['a', 'b', 'c', 'd']);
});

test('lending is said for all clusters of the sources, or for some clusters', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, '{"lend":["friends"]}');
  assert.deepEqual((await load(home)).lend, ['friends']);
  assert.equal((await load(home, {}, { POC_SERVE: '0' })).lend, false);
  assert.equal((await load(home, { lend: true })).lend, true);
});

test('the configuration and the variables of OpenGateway are understood', async (t) => {
  const home = temporaryHome(t);
  const foreign = { cluster_id: 'a', cluster_registry_url: 'https://example.org', region: 'eu', node_name: 'Ada' };
  writeConfiguration(home, JSON.stringify(foreign));
  const { name, clusters } = await load(home, {}, { POC_CLUSTER_ID: 'b', POC_CLUSTER_IDS: 'b, c,' });
  assert.deepEqual([name, clusters], ['Ada', ['a', 'b', 'c']]);
  assert.deepEqual(await unusedOpenGatewayKeys(home), ['cluster_registry_url', 'region']);
  writeConfiguration(home, JSON.stringify({ ...foreign, name: 'Bob', clusters: [], POC_CLUSTER_IDS: 'x,y' }));
  assert.deepEqual([(await load(home)).name, (await load(home)).clusters], ['Bob', []]);
});

test('the file may be YAML, and may be empty', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, 'lend: true\nbootstrap:\n  - 10.0.0.5:49737\n', 'config.yaml');
  const { lend, bootstrap } = await load(home);
  assert.deepEqual({ lend, bootstrap }, { lend: true, bootstrap: ['10.0.0.5:49737'] });
  writeConfiguration(home, '', 'config.yaml');
  assert.equal((await load(home)).lend, undefined);
});

test('a relative model is resolved in the folder of the file, or in the working folder for a flag', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, '{"model":"m.gguf"}');
  assert.equal((await load(home)).model, join(home.config, 'm.gguf'));
  assert.equal((await load(home, { model: 'm.gguf' })).model, join(process.cwd(), 'm.gguf'));
});

test('an error in a file names the file, the key and the accepted values', async (t) => {
  const home = temporaryHome(t);
  const cases: [string, RegExp][] = [
    ['{"slots":"many"}', /config\.json:1:2: "slots" must be a whole number from 1 to 64/],
    ['{"slots":65}', /"slots" must be a whole number from 1 to 64/],
    [
      '{"doors":{"donate":{"colour":"red"}}}',
      /"doors\.donate\.colour" is not a setting. There are: host, port, maxConnections, mode, queue/,
    ],
    ['{"colour":"red"}', /"colour" is not a setting. There are: name, lend,/],
    ['{"opengateway":{"padded":true}}', /"opengateway\.padded" is not a setting|"opengateway\.paddedTopic" must be/],
    ['{"clusters":["ok",""]}', /"clusters\.1" must be 1 to 255 bytes of UTF-8/],
    ['{"bootstrap":["nowhere"]}', /"bootstrap\.0" must be "host:port"/],
    ['{"name":"a\\u001bb"}', /"name" must be 1 to 64 printable characters/],
    ['[]', /config\.json must be an object/],
    ['{', /config\.json:1:2: This is not valid JSON/],
  ];
  for (const [text, message] of cases) {
    writeConfiguration(home, text);
    await assert.rejects(load(home), { code: 'INVALID_REQUEST', message }, text);
  }
});

test('errors name flags and variables as they were given', () => {
  const refused = (flags: Flags, environment: NodeJS.ProcessEnv, message: RegExp): void => {
    assert.throws(() => launchSettings(flags, environment), { code: 'INVALID_REQUEST', message });
  };
  refused({ maxTokens: 'x' }, {}, /^--max-tokens must be a whole number/);
  refused({ clusters: ['\n'] }, {}, /^--cluster must be/);
  refused(
    { doors: { back: {} } },
    {},
    /^--door back is not a setting. There are: donate, qmesh, localllm, websocket, tcp/,
  );
  refused({}, { SHOAL_WS_TOKEN: 'short' }, /^SHOAL_WS_TOKEN must be 16 to 1024 characters/);
  refused({}, { SHOAL_PORT: '70000' }, /^SHOAL_PORT must be a whole number from 0 to 65535/);
  refused({}, { POC_SERVE: 'perhaps' }, /^POC_SERVE must be true, false or a list/);
});

test('two configurations and invalid YAML are refused', async (t) => {
  const home = temporaryHome(t);
  writeConfiguration(home, 'a: [', 'config.yml');
  await assert.rejects(load(home), { message: /config\.yml:1:5: This is not valid YAML/ });
  writeConfiguration(home, '{}');
  await assert.rejects(load(home), { message: /two configurations/ });
});
