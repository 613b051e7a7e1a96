import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '@shoal/client';
import { dialDonate } from '@shoal/client/donate';
import { RawSocket } from '../harness/raw-socket.ts';
import { TestNetwork } from '../harness/test-network.ts';

const CONNECTS = 10_000;
const AT_ONCE = 200;
const WORDS_PER_SECOND = 50;
/** An answer of this many words is streamed for as long as the flood takes. */
const WORDS = 400;
/** Places of the door, those who wait for one, and the listener's sockets that are being closed. */
const OPEN_FILES_MAX = 64 + 32 + 128;
const LET_IN_MS_MAX = 5_000;
/** A pause of a stream that is served at 50 words per second, on a busy machine. */
const GAP_MS_MAX = 2_000;

const network = await TestNetwork.open();
after(() => network.close());
const home = network.home('Flooded');
await mkdir(home, { recursive: true });
await writeFile(join(home, 'config.json'), JSON.stringify({ doors: { donate: { port: 0 }, tcp: { port: 0 } } }));
const node = await network.startPaced('Flooded', 'flood', WORDS_PER_SECOND);
const { doors } = await node.status();

function addressOf(door: string): string {
  const address = doors.find(({ name }) => name === door)?.address;
  assert.ok(address !== undefined, door);
  return address;
}

test(`${CONNECTS} connections cost few descriptors, do not disturb a stream, and do not keep out a client`, async (context) => {
  const donate = addressOf('donate');
  const port = Number(/:(\d+)$/.exec(donate)?.[1]);
  const before = await node.openFiles();
  const shoal = await connect({ peers: [addressOf('tcp')] });
  context.after(() => shoal.close());
  const gaps: number[] = [];
  const stream = (async () => {
    let last = performance.now();
    for await (const event of shoal.generate({ prompt: 'word '.repeat(WORDS) })) {
      if (event.type !== 'text') continue;
      gaps.push(performance.now() - last);
      last = performance.now();
    }
  })();
  let filesMax = 0;
  const sockets: RawSocket[] = [];
  while (sockets.length < CONNECTS) {
    sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => RawSocket.dial(port)))));
    filesMax = Math.max(filesMax, await node.openFiles());
  }
  context.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  assert.ok(filesMax - before < OPEN_FILES_MAX, `${filesMax - before} more files`);

  // Those that the door let in stay, and are silent.
  while ((await node.openFiles()) - before > 64 + 32) await wait(100);
  const startedAt = performance.now();
  const client = await dialDonate(donate);
  context.after(() => client.close());
  const waitedMs = performance.now() - startedAt;
  assert.ok(waitedMs < LET_IN_MS_MAX, `${waitedMs} ms`);
  const answer = client.prompt('still there?');

  await stream;
  assert.equal(await answer, 'still there?');
  assert.ok(Math.max(...gaps.slice(1)) < GAP_MS_MAX, `${Math.max(...gaps.slice(1))} ms between two words`);
  context.diagnostic(
    `${filesMax - before} more files, in after ${Math.round(waitedMs)} ms, longest gap ${Math.round(Math.max(...gaps.slice(1)))} ms`,
  );
});
