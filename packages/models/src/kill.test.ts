import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { pull } from './pull.ts';
import { ModelStore } from './store/store.ts';
import { DEMO } from './testing/demo-model.ts';
import { type Hub, openHub, sha256 } from './testing/hub.ts';
import { temporaryFolder } from '@shoal/files/testing/temporary-folder';

/** `SHOAL_KILLS=500` for a long run. */
const KILLS = Number(process.env['SHOAL_KILLS'] ?? 20);
/** Loops that run at once, each with its own store. */
const LANES = 2;
/** Lines that the child prints before it is done. */
const MAX_LINES = 4;

test(`a process killed ${KILLS} times during a pull leaves a whole model or none, and the next pull resumes`, async (t) => {
  const hub = await openHub(t);
  hub.files.set('/demo.gguf', DEMO);
  const environment = { ...process.env, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? temporaryFolder(t) };
  const lane = async (): Promise<number> => {
    const folder = temporaryFolder(t);
    let whole = 0;
    for (let kill = 0; kill < KILLS / LANES; kill++) {
      await pullAndKill(folder, hub, environment);
      if (await hasWholeModel(folder)) whole++;
    }
    await finishPull(folder, hub);
    return whole;
  };
  const [one = 0, other = 0] = await Promise.all(Array.from({ length: LANES }, lane));
  t.diagnostic(`${one + other} of ${KILLS} kills left a whole model, the others none`);
});

/** Kills the child at a random moment of a pull or a removal. */
async function pullAndKill(folder: string, hub: Hub, env: NodeJS.ProcessEnv): Promise<void> {
  const script = join(import.meta.dirname, 'testing/pull-child.ts');
  const child = spawn(process.execPath, [script, folder, linkTo(hub), hub.url.host], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  const exited = once(child, 'exit');
  let linesLeft = Math.ceil(Math.random() * MAX_LINES);
  const kill = (): boolean => child.kill('SIGKILL');
  child.stdout.on('data', (text: Buffer) => {
    linesLeft -= text.toString().split('\n').length - 1;
    // With the line, or a little later.
    if (linesLeft <= 0) setTimeout(kill, Math.random() * 12);
  });
  await exited;
}

async function hasWholeModel(folder: string): Promise<boolean> {
  const store = await ModelStore.open(folder);
  const [model, ...others] = await store.list();
  assert.deepEqual(others, []);
  if (model === undefined) return false;
  const { sound } = await store.verify();
  assert.deepEqual(sound, [model.name]);
  assert.equal(model.digest, `sha256:${sha256(DEMO)}`);
  return true;
}

async function finishPull(folder: string, hub: Hub): Promise<void> {
  const store = await ModelStore.open(folder);
  await pull(store, linkTo(hub), { allowedHosts: [hub.url.host], name: 'killed' });
  await store.prune();
  assert.deepEqual(await store.verify(), {
    sound: ['killed:latest'],
    broken: [],
    unreadable: [],
    orphans: [],
    unfinishedBytes: 0,
  });
}

function linkTo(hub: Hub): string {
  return new URL('demo.gguf', hub.url).href;
}
