/** Begins frames of 64 MiB on 64 Donate connections, sends 16 MiB of each, and stops. */
import { dial, say, stay, target, write } from './sockets.ts';

const SOCKETS = 64;
const LENGTH_64_MIB = Buffer.from([0, 0, 0, 4]);
const PIECE = Buffer.alloc(1_048_576, ' ');

const { donate } = target();
const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => dial(donate)));
for (const socket of sockets) socket.write(Buffer.concat([LENGTH_64_MIB, Buffer.from('{"v":1,')]));
say('attacking');
// A node that holds a connection back takes no more of it, so the pieces are not awaited one by one.
await Promise.all(
  sockets.map(async (socket) => {
    for (let piece = 0; piece < 16; piece += 1) await write(socket, PIECE);
  }),
);
stay();
