/** Opens and closes 10,000 connections of every TCP door, 200 at a time. */
import { dial, say, stay, target } from './sockets.ts';

const CONNECTS = 10_000;
const AT_ONCE = 200;

const { api, donate, tcp, websocket } = target();
const ports = [donate, tcp, websocket, api];
say('attacking');
let dialled = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (dialled < CONNECTS) {
      dialled += 1;
      try {
        (await dial(ports[dialled % ports.length] ?? tcp)).destroy();
      } catch {
        // Refused, which costs the node least.
      }
    }
  }),
);
say('done');
stay();
