/** Sends Donate frames of 63 MiB, each one message that is no chunk of an upload, on ten connections. */
import { dial, donateFrame, say, stay, target, write } from './sockets.ts';

const FRAME_BYTES = 63 * 1_048_576;

const { donate } = target();
const start = '{"v":1,"type":"prompt","job_id":"1","prompt":"';
const frame = donateFrame(`${start}${'x'.repeat(FRAME_BYTES - start.length - 2)}"}`);
const sockets = await Promise.all(Array.from({ length: 10 }, () => dial(donate)));
say('attacking');
await Promise.all(
  sockets.map(async (socket) => {
    socket.resume();
    await write(socket, frame);
  }),
);
stay();
