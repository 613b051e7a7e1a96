/**
 * Compares the interfaces that users and scripts depend on with surface.json and lines.json. To record an intended change,
 * run `UPDATE_SURFACE=1 node --test test/surface/surface.test.ts`; edit lines.json by hand.
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
import { ENGINES, SETTINGS } from '@shoal/host/settings/table';
import type { Setting } from '@shoal/host/settings/setting';
import { createProgram } from '../../apps/cli/src/program.ts';
import { STATUS_OF } from '../../apps/node/src/http/http-error.ts';
import { commandLines } from './command-lines.ts';
import { EVERY_SETTING } from './every-setting.ts';
import { checkRecord, keyPaths, saveRecord } from './record.ts';
import { announcements, documents, exitCodes, replies, routes, sayings, stopping } from './running.ts';
import { Scene } from './scene.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Variables of other programs that Shoal reads. */
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

test('the arguments and flags of the commands are unchanged', () => {
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

test('the environment variables set the same settings', () => {
  const samples = {
    lend: '1',
    bootstrap: '127.0.0.1:49737',
    gpuLayers: '0',
    port: '0',
    token: 'x'.repeat(16),
    origins: 'app://shoal',
  };
  const variables = Object.values<Setting>(SETTINGS)
    .flatMap(({ variable }) => variable ?? [])
    .toSorted();
  const found = variables.map((name) => {
    const accepted = Object.values(samples).flatMap((text) => settingsOf(name, text));
    return [name, [...new Set(accepted)].join()] as const;
  });
  checkRecord('variables of settings', Object.fromEntries(found));
});

test('the environment variables in the code are unchanged', async () => {
  const names = new Set<string>();
  for await (const path of glob('{apps,packages,scripts}/**/*.{ts,js,sh}', { cwd: ROOT })) {
    if (/node_modules|\/dist\/|\/testing\/|\/contracts\/|\/test\/|\.test\.ts$/.test(path)) continue;
    const text = await readFile(join(ROOT, path), 'utf8');
    for (const [name] of text.matchAll(/\b(?:SHOAL|POC|OPENGATEWAY)_[A-Z_]*[A-Z]\b/g)) names.add(name);
    for (const name of FOREIGN) if (text.includes(name)) names.add(name);
  }
  checkRecord('variables', [...names].filter((name) => !name.endsWith('_MARKER')).toSorted());
});

test('the paths of the files in a home are unchanged', () => {
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

test('the HTTP status of each error is unchanged', () => {
  checkRecord('errors', STATUS_OF);
});

test('the paths of scripts and programs in a checkout are unchanged', () => {
  const { scripts }: { readonly scripts: object } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const paths = ['scripts/install.sh', 'scripts/run-poc.sh', 'examples/run-worker.js', 'examples/basic-client.js'];
  for (const path of paths) assert.ok(existsSync(join(ROOT, path)), path);
  checkRecord('npm scripts', Object.keys(scripts).toSorted());
  checkRecord(
    'programs',
    ['apps/cli/bin/shoal.js', ...paths].filter((path) => existsSync(join(ROOT, path))),
  );
});

test('the calls and response keys of the local API are unchanged', { skip }, async () => {
  assert.ok(scene);
  checkRecord('routes', await routes(scene));
  checkRecord('replies', await replies(scene));
});

test('the keys that commands print with --json are unchanged', { skip }, async () => {
  assert.ok(scene);
  checkRecord('documents', await documents(scene));
});

test('long-running commands print their addresses in the same form', { skip }, async () => {
  assert.ok(scene);
  checkRecord('announcements', await announcements(scene));
});

test('commands print the lines that scripts look for', { skip }, async () => {
  assert.ok(scene);
  await sayings(scene);
});

test('the exit codes of commands are unchanged', { skip }, async () => {
  assert.ok(scene);
  checkRecord('exit codes', await exitCodes(scene));
});

test('the ways to stop a node are unchanged', { skip }, async () => {
  assert.ok(scene);
  checkRecord('stopping', await stopping(scene));
});

/** The settings that a variable sets with this text; empty if the text is refused. */
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
