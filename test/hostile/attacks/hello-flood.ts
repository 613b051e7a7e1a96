/** Says hello again and again on one connection of the TCP door, with a name of 12 KB and a fault in every second one. */
import { dial, say, shoalHello, target, write } from './sockets.ts';

const { tcp } = target();
const hello = shoalHello(`${'n'.repeat(12_000)}\u202e\u001b[31m`);
say('attacking');
for (;;) {
  const socket = await dial(tcp);
  socket.resume();
  await write(socket, hello);
  for (let count = 0; count < 64 && !socket.destroyed; count += 1)
    await write(socket, `${hello}{"type":"peer_hello"}\n`);
  socket.destroy();
}
