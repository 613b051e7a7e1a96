import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Worker as Thread } from 'node:worker_threads';
import { dialDonate } from '@shoal/client/donate';
import { createEcho } from '@shoal/engine/echo';
import { serveDonate, type ServeDonateOptions } from '@shoal/worker/donate';
import type { FrameToSend } from '../harness/frame-sender.ts';

const SENDER = join(import.meta.dirname, '../harness/frame-sender.ts');
const CONNECTIONS = 10;
const FRAME_BYTES = 63 * 1024 * 1024;
const LONGEST_TURN_MS = 50;
const TICK_MS = 1;

const frame = (body: string): Buffer => {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32LE(body.length);
  bytes.write(body, 4, 'latin1');
  return bytes;
};
const NONE = Buffer.alloc(0);
const LONG = 'A'.repeat(FRAME_BYTES);
const BEGIN = frame(`{"type":"model_begin","config_json":"{}","weights_len":${FRAME_BYTES}}`);

test('prompts of 63 MiB are refused, and do not hold up those of an honest client', async (t) => {
  const long = frame(`{"type":"prompt","job_id":"a","prompt":"${LONG}"}`);
  await receives(t, { mode: 'local_lm', engine: createEcho() }, { first: NONE, frame: long, reply: 'at most 1048576' });
});

test('a message of 63 MiB of brackets is refused without being parsed', async (t) => {
  const brackets = frame(`{"type":"infer","job_id":"a","input_ids":[${'[],'.repeat(FRAME_BYTES / 3)}0]}`);
  await receives(t, { mode: 'local_lm', engine: createEcho() }, { first: NONE, frame: brackets, reply: 'send prompt' });
});

for (const [what, body] of Object.entries({
  'as our client sends them': `{"v":1,"type":"weights_chunk","index":0,"last":true,"data_b64":"${LONG}"}`,
  'with their type behind the data': `{"data_b64":"${LONG}","index":0,"type":"weights_chunk"}`,
})) {
  test(`chunks of 63 MiB ${what} are received without holding up others`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-large-frames-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const commit = frame('{"type":"model_commit"}');
    await receives(
      t,
      { mode: 'model_push', folder, mount: () => createEcho() },
      { first: BEGIN, frame: Buffer.concat([frame(body), commit]), reply: 'size mismatch: got 49545216' },
    );
  });
}

/** Sends the frame ten times at once, while another client is served. */
async function receives(
  t: TestContext,
  options: ServeDonateOptions,
  sent: Omit<FrameToSend, 'port' | 'connections'>,
): Promise<void> {
  const node = await serveDonate({ ...options, port: 0 });
  t.after(() => node.close());
  const workerData: FrameToSend = { ...sent, port: node.port, connections: CONNECTIONS };
  const sender = new Thread(SENDER, { workerData });
  const finished = once(sender, 'message');
  await once(sender, 'online');
  const turns = watchTurns();
  const served = serveAnother(node.port, node.mode, finished);
  assert.deepEqual(await finished, [CONNECTIONS]);
  const longest = turns.stop();
  assert.ok((await served) > 0);
  t.diagnostic(`the longest turn took ${longest} ms`);
  assert.ok(longest <= LONGEST_TURN_MS, `A turn of the event loop took ${longest} ms.`);
}

/**
 * Measures the longest turn of the event loop: the processor time of this thread between two ticks of a timer. Other programs,
 * which delay the event loop too, do not count.
 */
function watchTurns(): { stop(): number } {
  let last = process.threadCpuUsage();
  let longest = 0;
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1_000);
    last = process.threadCpuUsage();
  }, TICK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return longest;
    },
  };
}

/** An honest client sends jobs, one after the other, until the promise is settled. Returns how many were answered. */
async function serveAnother(port: number, mode: string, until: Promise<unknown>): Promise<number> {
  let isOver = false;
  void until.finally(() => (isOver = true));
  const client = await dialDonate(`127.0.0.1:${port}`);
  let count = 0;
  for (; !isOver || count === 0; count += 1) {
    if (mode === 'local_lm') await client.prompt('hi');
    else await client.putModel(tinyModel(), { length: 24 });
  }
  client.close();
  return count;
}

async function* tinyModel(): AsyncGenerator<Uint8Array> {
  const header = Buffer.alloc(24);
  header.write('GGUF');
  header.writeUInt32LE(3, 4);
  yield header;
}
