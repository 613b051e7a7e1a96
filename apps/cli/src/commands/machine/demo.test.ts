import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { isProcessAlive } from '@shoal/files/process';
import { findDemoModel } from '@shoal/host/engines';
import { Shoal, temporaryFolder } from '../../testing/run-shoal.ts';

const skip = findDemoModel() === undefined ? 'the demo model is not part of this checkout' : false;

test('the demo runs three nodes that find each other, answers a prompt, and leaves no files', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const shoal = new Shoal(join(folder, 'home'), { TMPDIR: temporary });
  const { code, document } = await shoal.json(['demo']);
  assert.equal(code, 0);
  const { nodes, answer, worker, client, chunks } = document as {
    nodes: { name: string; id: string }[];
    answer: string;
    worker: string;
    client: string;
    chunks: number;
  };
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['NodeA', 'NodeB', 'NodeC'],
  );
  assert.equal(new Set(nodes.map(({ id }) => id)).size, 3);
  assert.match(answer, /4/);
  assert.ok(['NodeA', 'NodeB'].includes(worker));
  assert.equal(client, 'NodeC');
  assert.ok(chunks >= 1);
  assert.deepEqual(readdirSync(temporary), []);
});

test('Ctrl-C in the middle of the demo leaves no process and no file', { skip }, async (t) => {
  const temporary = temporaryFolder(t);
  const shoal = new Shoal(join(temporary, 'home'), { TMPDIR: temporary });
  const child = shoal.spawn(['demo']);
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) if (/^NodeB {2}Joined/.test(line)) break;
  const pids = nodePids(temporary);
  assert.equal(pids.length, 2);
  child.kill('SIGINT');
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  assert.equal(exitCode, 130);
  assert.deepEqual(readdirSync(temporary), []);
  assert.deepEqual(pids.filter(isProcessAlive), []);
});

/** Returns the process ids of the nodes in the demo's folder. */
function nodePids(temporary: string): number[] {
  const files = readdirSync(temporary, { recursive: true, encoding: 'utf8' });
  const isPidFile = (path: string): boolean => basename(path) === 'node.pid';
  return files.filter(isPidFile).map((path) => Number(readFileSync(join(temporary, path), 'utf8')));
}
