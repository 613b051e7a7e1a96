/** A client that comes to a Donate door and asks once, without Shoal's code. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'node:net';
import { donateFrame } from './attacks/sockets.ts';

const HEADER_BYTES = 4;
const RETRY_MS = 100;
/** The longest wait for one answer. */
const ANSWER_MS = 2_000;

/** Resolves with the milliseconds until the door has answered a prompt. A closed connection is dialled again. */
export async function timeUntilServed(port: number, giveUpMs: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    if (await isServed(port)) return performance.now() - startedAt;
    if (performance.now() - startedAt > giveUpMs) return Infinity;
    await wait(RETRY_MS);
  }
}

async function isServed(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  let received = Buffer.alloc(0);
  let isOver = false;
  socket.on('data', (bytes) => (received = Buffer.concat([received, bytes])));
  // A refusal is what is measured, and ends this try.
  socket.on('error', () => (isOver = true));
  socket.on('close', () => (isOver = true));
  try {
    const prompt = { v: 1, type: 'prompt', job_id: 'newcomer', prompt: 'Is anybody there?' };
    socket.write(donateFrame(JSON.stringify(prompt)));
    const until = AbortSignal.timeout(ANSWER_MS);
    while (!isOver && !until.aborted) {
      if (messages(received).some(({ type, ok }) => type === 'prompt_result' && ok === true)) return true;
      await Promise.race([once(socket, 'data'), once(socket, 'close'), wait(ANSWER_MS, undefined, { ref: false })]);
    }
    return false;
  } catch {
    // The connection was reset while it was awaited.
    return false;
  } finally {
    socket.destroy();
  }
}

function messages(bytes: Buffer): { type: string; ok?: boolean }[] {
  const found: { type: string; ok?: boolean }[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + HEADER_BYTES + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    found.push(JSON.parse(bytes.subarray(at + HEADER_BYTES, end).toString()));
    at = end;
  }
  return found;
}
