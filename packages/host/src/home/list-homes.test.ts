import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listHomes } from './list-homes.ts';

test('the homes of a user are the default one, named ones, and those of the environment and of install.sh', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-homes-'));
  t.after(() => rmSync(root, { recursive: true }));
  const write = (...path: string[]): void => {
    mkdirSync(join(root, ...path.slice(0, -1)), { recursive: true });
    writeFileSync(join(root, ...path), '');
  };
  const xdg = { HOME: root, XDG_CONFIG_HOME: join(root, 'c'), XDG_STATE_HOME: join(root, 's'), XDG_DATA_HOME: root };
  assert.deepEqual(listHomes(xdg), []);
  write('s', 'shoal', 'state.json');
  write('c', 'shoal', 'nodes', 'NodeB', 'config.yaml');
  write('shoal', 'nodes', 'NodeA', 'identity');
  write('shoal', 'nodes', '.hidden', 'identity');
  write('shoal', 'nodes', 'empty', 'other');
  write('.opengateway-poc', 'nodes', 'NodeC', 'config.json');
  write('mine', 'identity');
  const data = listHomes({ ...xdg, SHOAL_HOME: join(root, 'mine') }).map((home) => home.data.slice(root.length + 1));
  assert.deepEqual(data, ['mine', 'shoal', 'shoal/nodes/NodeA', 'shoal/nodes/NodeB', '.opengateway-poc/nodes/NodeC']);
});
