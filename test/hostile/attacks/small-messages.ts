/** Sends valid small messages, each of which the node answers, on 16 connections without a pause, and reads no answer. */
import { dial, say, shoalHello, target, write } from './sockets.ts';

const CONNECTIONS = 16;

const { tcp } = target();
const pings = '{"type":"ping"}\n'.repeat(4_096);
say('attacking');
await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    for (;;) {
      const socket = await dial(tcp);
      await write(socket, shoalHello('Ping'));
      while (!socket.destroyed) await write(socket, pings);
    }
  }),
);
