import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const SHOAL = join(ROOT, 'apps/cli/bin/shoal.js');
const LIST_MODULES = join(import.meta.dirname, 'harness/list-modules.ts');

/** The modules that make a command start slowly. Each command names those that it uses. */
const HEAVY = ['fastify', 'hyperdht', 'hyperswarm', 'koffi', 'node:sqlite', 'pino', 'ws', 'yaml', 'zod'] as const;
type Heavy = (typeof HEAVY)[number];

/** Each command in an empty home where no node runs, and the heavy modules that it may load. */
const COMMANDS: Readonly<Record<string, readonly Heavy[]>> = {
  '--help': [],
  '--version': [],
  'serve --help': [],
  status: [],
  'prompt hi': [],
  peers: [],
  clusters: [],
  'connect friends': [],
  'disconnect friends': [],
  ps: [],
  stop: [],
  nodes: [],
  saved: [],
  logs: [],
  update: [],
  uninstall: [],
  resources: [],
  eligible: [],
  'push nosuch.gguf --to 127.0.0.1:1': [],
  // Settings are validated with zod.
  restart: ['zod'],
  'service status': ['zod'],
  'config check': ['zod'],
  // The model store is locked with SQLite.
  list: ['node:sqlite', 'zod'],
  'show nosuch': ['node:sqlite', 'zod'],
  'rm nosuch': ['node:sqlite', 'zod'],
  'models prune': ['node:sqlite', 'zod'],
  'engine list': ['node:sqlite', 'pino', 'zod'],
  // The tokens are locked with SQLite.
  'token list': ['node:sqlite'],
  'chat NOSUCH': ['hyperdht', 'hyperswarm', 'zod'],
  'qmesh ask hi --bootstrap nosuch': ['hyperdht', 'hyperswarm', 'zod'],
};

suite('the heavy modules that a command loads are those that it uses', { concurrency: 2 }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-modules-'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [index, [command, allowed]] of Object.entries(COMMANDS).entries()) {
    test(`shoal ${command}: ${allowed.length === 0 ? 'none' : allowed.join(', ')}`, async () => {
      const list = join(folder, `${index}.txt`);
      const child = spawn(process.execPath, ['--import', LIST_MODULES, SHOAL, ...command.split(' ')], {
        env: { ...process.env, MODULE_LIST: list, SHOAL_HOME: join(folder, `home-${index}`), SHOAL_PORT: '0' },
        stdio: 'ignore',
      });
      await once(child, 'exit');
      assert.deepEqual(heavyModules(await readFile(list, 'utf8')), allowed);
    });
  }
});

function heavyModules(urls: string): Heavy[] {
  return HEAVY.filter((name) => urls.includes(name.startsWith('node:') ? `${name}` : `/node_modules/${name}/`));
}
