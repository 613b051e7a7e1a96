/**
 * Measures the upload of a model over loopback TCP to a Donate compute node, compared with a plain loop that reads the same
 * frames from a socket, decodes, hashes and writes them. Both run in this process and alternate; the sender is a thread.
 *
 *   node bench/donate-upload.ts [--rounds 10] [--json]
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { createEcho } from '@shoal/engine/echo';
import { serveDonate } from '@shoal/worker/donate';
import { benchOptions, interleave, median, quotient, report } from './report.ts';

const CHUNK_BYTES = 1024 * 1024;
const MB = 1e6;

const options = benchOptions(10);
const MODEL_BYTES = options.size(256 * 1024 * 1024, 8 * CHUNK_BYTES);
const WARM_UPS = options.size(2, 0);
const folder = await mkdtemp(join(tmpdir(), 'shoal-bench-upload-'));
const node = await serveDonate({ mode: 'model_push', port: 0, folder, mount: () => createEcho() });
const bare = await listenBare();
const sender = new Thread(join(import.meta.dirname, 'donate-sender.ts'), {
  workerData: { frames: uploadFrames() },
});
try {
  await once(sender, 'message');
  const { donate, loop } = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    { donate: () => push(node.port), loop: () => push(bare.port) },
  );
  const figures = [
    median('pushed to a node', 'MB/s', donate),
    median('bare loop', 'MB/s', loop),
    quotient('pushed to a node ÷ bare loop', donate, loop, { atLeast: 0.7 }),
  ];
  report('donate-upload', figures, options);
} finally {
  await sender.terminate();
  await node.close();
  await bare.close();
  await rm(folder, { recursive: true });
}

/** Megabytes of the model per second, from the first frame to the reply to the commit. */
async function push(port: number): Promise<number> {
  sender.postMessage(port);
  const [milliseconds]: unknown[] = await once(sender, 'message');
  return MODEL_BYTES / MB / (Number(milliseconds) / 1_000);
}

/** All frames of one upload in one buffer: a valid header, then the random bytes of one chunk repeatedly. */
function uploadFrames(): SharedArrayBuffer {
  const weights = randomBytes(CHUNK_BYTES);
  const first = Buffer.from(weights);
  first.write('GGUF');
  first.fill(0, 4, 24);
  first.writeUInt32LE(3, 4);
  const hash = createHash('sha256');
  const count = MODEL_BYTES / CHUNK_BYTES;
  const chunks = Array.from({ length: count }, (_, index) => {
    const bytes = index === 0 ? first : weights;
    hash.update(bytes);
    return frame({ type: 'weights_chunk', index, last: index === count - 1, data_b64: bytes.toString('base64') });
  });
  const begin = frame({
    type: 'model_begin',
    config_json: '{"format":"gguf"}',
    weights_len: MODEL_BYTES,
    weights_sha256: hash.digest('hex'),
  });
  const pieces = [begin, ...chunks, frame({ type: 'model_commit' })];
  const whole = new SharedArrayBuffer(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    new Uint8Array(whole).set(piece, at);
    at += piece.length;
  }
  return whole;
}

function frame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify({ v: 1, ...message }));
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}

/** Reads, decodes, hashes and writes frames, without checks or limits. */
async function listenBare(): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((socket) => void takeBare(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function takeBare(socket: Socket): Promise<void> {
  socket.write(frame({ type: 'hello', mode: 'model_push', role: 'server' }));
  const path = join(folder, `bare-${socket.remotePort}`);
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    pieces.push(piece);
    length += piece.length;
    while (length >= 4) {
      const [only] = pieces;
      if (only === undefined || only.length < 4) pieces = [Buffer.concat(pieces)];
      const size = pieces[0]?.readUInt32LE() ?? 0;
      if (length < 4 + size) break;
      const buffered = Buffer.concat(pieces);
      const message = JSON.parse(buffered.toString('utf8', 4, 4 + size)) as { type: string; data_b64: string };
      if (message.type === 'weights_chunk') {
        const bytes = Buffer.from(message.data_b64, 'base64');
        hash.update(bytes);
        await file.write(bytes);
      } else if (message.type === 'model_commit') {
        hash.digest('hex');
        socket.write(frame({ type: 'model_status', ok: true, message: 'mounted' }));
      }
      pieces = [buffered.subarray(4 + size)];
      length -= 4 + size;
    }
  }
  await file.close();
  await rm(path);
}
