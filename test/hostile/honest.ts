/**
 * An honest client of the TCP door, in a process of its own and without Shoal's code. It asks for a short answer again and
 * again on one connection. After each line of its input it prints the times of the answers since the line before:
 * `{"latencies":[ms…],"failures":n}`.
 */
import { createInterface } from 'node:readline';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { shoalHello, target } from './attacks/sockets.ts';

/** The pause between two questions. */
const PAUSE_MS = 10;
const QUESTION = 'Is anybody there?';

const socket = connect({ port: target().tcp, host: '127.0.0.1' });
let latencies: number[] = [];
let failures = 0;
let askedAt = 0;
let answered: ((isGood: boolean) => void) | undefined;
let text = '';

for (const end of ['error', 'close'] as const) {
  socket.on(end, () => {
    failures += 1;
    answered?.(false);
  });
}
createInterface({ input: socket }).on('line', (line) => {
  const message = JSON.parse(line) as { type: string; text?: string };
  if (message.type === 'ping') socket.write('{"type":"pong"}\n');
  if (message.type === 'inference_chunk') text += message.text ?? '';
  if (message.type === 'inference_end') answered?.(text === QUESTION);
  if (message.type === 'inference_error') answered?.(false);
});
createInterface({ input: process.stdin }).on('line', () => {
  // A question that is under way counts with its time so far, so that a stop is not hidden by the end of the measurement.
  const open = performance.now() - askedAt;
  process.stdout.write(`${JSON.stringify({ latencies: [...latencies, open], failures })}\n`);
  latencies = [];
  failures = 0;
});

socket.write(shoalHello('Honest'));
for (let id = 0; !socket.destroyed; id += 1) {
  text = '';
  askedAt = performance.now();
  const isGood = await new Promise<boolean>((resolve) => {
    answered = resolve;
    const request = { type: 'inference_request', request_id: String(id), prompt: QUESTION };
    socket.write(`${JSON.stringify(request)}\n`);
  });
  if (isGood) latencies.push(performance.now() - askedAt);
  else failures += 1;
  await wait(PAUSE_MS);
}
