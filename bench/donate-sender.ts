/** A thread of `donate-upload.ts`: sends prepared frames to the given port, and reports how long that took. */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { frames } = workerData as { frames: SharedArrayBuffer };

parentPort?.on('message', (port: number) => {
  const socket = connect({ host: '127.0.0.1', port });
  let startedAt: number | undefined;
  let said = '';
  socket.on('error', (error) => {
    throw error;
  });
  socket.on('data', (bytes) => {
    if (startedAt === undefined) {
      startedAt = performance.now();
      socket.write(new Uint8Array(frames));
      return;
    }
    said += bytes.toString('latin1');
    if (!said.includes('"ok":true')) throw new Error(`The node said ${said}.`);
    socket.end();
    const milliseconds = performance.now() - startedAt;
    socket.once('close', () => parentPort?.postMessage(milliseconds));
  });
});
parentPort?.postMessage('ready');
