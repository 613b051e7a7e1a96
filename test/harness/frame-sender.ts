/**
 * A thread that sends one frame over several connections at once, so that the sending does not hold up the process that
 * receives. `first` is sent in front of the frame. Posts the number of connections that got a reply to the frame.
 */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

export interface FrameToSend {
  readonly port: number;
  readonly connections: number;
  readonly first: Uint8Array;
  readonly frame: Uint8Array;
  /** Text in the reply to the frame. */
  readonly reply: string;
}

const { port, connections, first, frame, reply } = workerData as FrameToSend;

const replies = Array.from({ length: connections }, async () => {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    socket.write(first);
    socket.write(frame);
    let said = '';
    for await (const bytes of socket as AsyncIterable<Buffer>) {
      said += bytes.toString('latin1');
      if (said.includes(reply)) return true;
    }
    return false;
  } finally {
    socket.destroy();
  }
});
parentPort?.postMessage((await Promise.all(replies)).filter((hasReply) => hasReply).length);
