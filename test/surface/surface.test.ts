/**
 * What users and scripts depend on, worked out from the running code and compared with surface.json and lines.json. A wanted
 * change is written with `UPDATE_SURFACE=1 node --test test/surface/surface.test.ts`; lines.json is changed by hand.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { launchSettings } from '@shoal/host/launch-settings';
import { findDemoModel } from '@shoal/host/engines';
import { homeFiles, locateHome } from '@shoal/host/home';
import { parseSettings } from '@shoal/host/settings';
import { ENGINES } from '@shoal/host/settings/table';
import { createProgram } from '../../apps/cli/src/program.ts';
import { STATUS_OF } from '../../apps/node/src/http/errors.ts';
import { commandLines } from './command-lines.ts';
import { EVERY_SETTING } from './every-setting.ts';
import { checkRecord, keyPaths, saveRecord } from './record.ts';
import { announcements, documents, exitCodes, replies, routes, sayings, stopping } from './running.ts';
import { Scene } from './scene.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Variables of other programs that Shoal heeds. */
const FOREIGN = [
  'DEBUG',
  'GPU_LAYERS',
  'HF_ENDPOINT',
  'HF_HUB_CACHE',
  'HF_HOME',
  'HF_TOKEN',
  'NODE_NAME',
  'NO_COLOR',
  'OLLAMA_HOST',
  'OLLAMA_MODELS',
  'OPENAI_API_KEY',
  'OPENAI_BASE_URL',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
];
const skip = findDemoModel() === undefined ? 'the demo model is not part of this checkout' : false;

const scene = skip === false ? await Scene.open() : undefined;
after(async () => {
  await scene?.close();
  saveRecord();
});

test('the commands take the words and flags that they took', () => {
  checkRecord('commands', commandLines(createProgram({ quiet: true, finish: () => undefined })));
});

test('a configuration with every setting is accepted', () => {
  assert.deepEqual(
    parseSettings(EVERY_SETTING, (path) => path),
    EVERY_SETTING,
  );
  checkRecord('settings', keyPaths(EVERY_SETTING));
  for (const engine of ENGINES) parseSettings({ engine }, () => engine);
  for (const logLevel of ['debug', 'info', 'warn', 'error']) parseSettings({ logLevel }, () => logLevel);
  for (const mode of ['model_push', 'local_lm']) parseSettings({ doors: { donate: { mode } } }, () => mode);
  checkRecord('engines', ENGINES);
});

test('an environment variable is the setting that it was', () => {
  const samples = { lend: '1', bootstrap: '127.0.0.1:49737', gpuLayers: '0', port: '0', token: 'x'.repeat(16) };
  const names = ['GPU_LAYERS', 'NODE_NAME', 'OLLAMA_HOST', 'OPENAI_API_KEY', 'OPENAI_BASE_URL', 'POC_CLUSTER_ID'];
  const ours = ['BOOTSTRAP', 'KEEP_ALIVE', 'LLAMA_SERVER', 'MODEL', 'PEER_TOKEN', 'PORT', 'WS_TOKEN'];
  const variables = [...names, 'POC_SERVE', ...ours.map((name) => `SHOAL_${name}`)].toSorted();
  const found = variables.map((name) => {
    const accepted = Object.values(samples).flatMap((text) => settingsOf(name, text));
    return [name, [...new Set(accepted)].join()] as const;
  });
  checkRecord('variables of settings', Object.fromEntries(found));
});

test('the environment variables that are named in the code are those that were', async () => {
  const names = new Set<string>();
  for await (const path of glob('{apps,packages,scripts}/**/*.{ts,js,sh}', { cwd: ROOT })) {
    if (/node_modules|\/dist\/|\/testing\/|\/contracts\/|\/test\/|\.test\.ts$/.test(path)) continue;
    const text = await readFile(join(ROOT, path), 'utf8');
    for (const [name] of text.matchAll(/\b(?:SHOAL|POC|OPENGATEWAY)_[A-Z_]*[A-Z]\b/g)) names.add(name);
    for (const name of FOREIGN) if (text.includes(name)) names.add(name);
  }
  checkRecord('variables', [...names].filter((name) => !name.endsWith('_MARKER')).toSorted());
});

test('the files of a home have the places that they had', () => {
  const environments = {
    SHOAL_HOME: { SHOAL_HOME: '/somewhere' },
    OPENGATEWAY_POC_ROOT: { OPENGATEWAY_POC_ROOT: '/somewhere' },
  };
  const xdg = {
    XDG_CONFIG_HOME: '/somewhere/config',
    XDG_STATE_HOME: '/somewhere/state',
    XDG_DATA_HOME: '/somewhere/data',
  };
  const places = Object.entries({ ...environments, XDG: xdg, 'no variable': {} }).flatMap(([name, environment]) =>
    [undefined, 'NodeA'].map((node) => {
      const files = Object.values(homeFiles(locateHome(environment, node))).flat();
      return [node === undefined ? name : `${name}, --node ${node}`, files.map(inHome).toSorted()] as const;
    }),
  );
  checkRecord('files', Object.fromEntries(places));
});

test('an error has the HTTP status that it had', () => {
  checkRecord('errors', STATUS_OF);
});

test('the scripts and programs of a checkout are where they were', () => {
  const { scripts }: { readonly scripts: object } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const paths = ['scripts/install.sh', 'scripts/run-poc.sh', 'examples/run-worker.js', 'examples/basic-client.js'];
  for (const path of paths) assert.ok(existsSync(join(ROOT, path)), path);
  checkRecord('npm scripts', Object.keys(scripts).toSorted());
  checkRecord(
    'programs',
    ['apps/cli/bin/shoal.js', ...paths].filter((path) => existsSync(join(ROOT, path))),
  );
});

test('the local API answers the calls that it answered, with the keys that it had', { skip }, async () => {
  assert.ok(scene);
  checkRecord('routes', await routes(scene));
  checkRecord('replies', await replies(scene));
});

test('commands with --json print the keys that they printed', { skip }, async () => {
  assert.ok(scene);
  checkRecord('documents', await documents(scene));
});

test('commands that go on say where they are reached as they did', { skip }, async () => {
  assert.ok(scene);
  checkRecord('announcements', await announcements(scene));
});

test('commands say the lines that scripts look for', { skip }, async () => {
  assert.ok(scene);
  await sayings(scene);
});

test('a command ends with the exit code that it ended with', { skip }, async () => {
  assert.ok(scene);
  checkRecord('exit codes', await exitCodes(scene));
});

test('a node that is told to stop ends as it did', { skip }, async () => {
  assert.ok(scene);
  checkRecord('stopping', await stopping(scene));
});

/** The settings that a variable gives with this text; none where it refuses it. */
function settingsOf(variable: string, text: string): readonly string[] {
  try {
    return Object.keys(launchSettings({}, { [variable]: text }));
  } catch {
    return [];
  }
}

function inHome(path: string): string {
  const person = process.env['HOME'] ?? '';
  return path.startsWith('/somewhere/') ? relative('/somewhere', path) : `~/${relative(person, path)}`;
}
