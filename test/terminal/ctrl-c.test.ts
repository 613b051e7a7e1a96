import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { LAUNCHER } from '../../apps/cli/src/node/launcher.ts';
import { Shoal, temporaryFolder } from '../../apps/cli/src/testing/run-shoal.ts';
import { type Hub, openHub } from '../../packages/models/src/testing/hub.ts';
import { CTRL_C, inTerminal, NODES } from './terminal.ts';

/** A command that counts its signals. A second one, which the launcher would send, arrives well within the time it waits. */
const COUNTER = `export async function main() {
  let signals = 0;
  await new Promise((resolve) => {
    process.on('SIGINT', () => {
      signals += 1;
      setTimeout(resolve, 500);
    });
    setInterval(() => undefined, 60_000);
    console.log('ready');
  });
  console.log('signals: ' + signals);
  return 7;
}`;

for (const { name, node, skip } of NODES) {
  suite(`Ctrl-C at a terminal under ${name}`, { skip }, () => {
    test('a pull keeps its bytes and says so', async (t) => {
      const hub = await openDrippingHub(t);
      const shoal = new Shoal(temporaryFolder(t));
      const link = new URL('model.gguf', hub.url).href;
      const pull = ['pull', link, '--allow-host', hub.url.host];
      const { code, output } = await inTerminal(shoal, node, [['of 1.0 MB', CTRL_C]], pull);
      assert.match(
        output,
        /\nThe received bytes are kept\. Run the same command again to resume\.\r\nshoal: interrupted/,
      );
      assert.equal(code, 130);
    });

    test('a command gets one signal', async (t) => {
      const folder = temporaryFolder(t);
      for (const inner of ['bin', 'dist']) mkdirSync(join(folder, inner));
      copyFileSync(LAUNCHER, join(folder, 'bin', 'shoal.js'));
      symlinkSync(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'));
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
      writeFileSync(join(folder, 'dist', 'main.js'), COUNTER);
      const { code, output } = await inTerminal(
        new Shoal(join(folder, 'home')),
        node,
        [['ready', CTRL_C]],
        [],
        join(folder, 'bin/shoal.js'),
      );
      assert.match(output, /signals: 1\r?\n/);
      assert.equal(code, 7);
    });
  });

  test(`without a terminal, SIGINT to the launcher alone reaches the command under ${name}`, { skip }, async (t) => {
    const shoal = new Shoal(temporaryFolder(t), { SHOAL_BOOTSTRAP: '127.0.0.1:9' });
    const child = spawn(node, [LAUNCHER, 'serve'], {
      detached: true,
      env: shoal.environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    let log = '';
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (piece) => {
        log += String(piece);
        if (log.includes('API on')) resolve();
      });
    });
    child.kill('SIGINT');
    assert.deepEqual(await exit, [0, null]);
  });
}

/** A hub that sends the beginning of every file, and then nothing. */
async function openDrippingHub(t: TestContext): Promise<Hub> {
  const hub = await openHub(t);
  hub.intercept = (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 }).write(Buffer.alloc(100_000));
    return true;
  };
  return hub;
}
