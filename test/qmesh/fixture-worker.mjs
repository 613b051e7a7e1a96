// A worker of the QMesh program, written from its protocol alone: plain Hyperswarm, JSON behind a big-endian length, no code
// of Shoal. It reports its health only when its timer fires, and answers prompts as its arguments say.
//
// Arguments: --bootstrap HOST:PORT [--status-ms N] [--health SCORE] [--answer TEXT | --error TEXT | --silent]
// [--id-hex-length 32|64]. A health below 20 refuses every prompt.
// stdout: one JSON document per line: {event: 'ready', worker_id, peer} with its own key once it can be found, then
// {event: 'met' | 'left' | 'message', peer, …}; a message carries {message}.
// stdin: unused; its end ends the program, as SIGTERM does.
import { createHash, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';

const TOPIC = createHash('sha256').update('qmesh-inference').digest();
const MAX_FRAME_BYTES = 10 * 1024 * 1024;
const OVERLOADED_BELOW = 20;
const HEALTHY_ABOVE = 60;
const END_GRACE_MS = 700;

const options = readOptions();
const workerId = randomBytes(options.idHexLength / 2).toString('hex');

// Nodes that use the loopback address must be bound to it.
const dht = new HyperDHT({ bootstrap: options.bootstrap, host: '127.0.0.1' });
const swarm = new Hyperswarm({ dht });
const streams = new Set();

swarm.on('connection', (stream) => {
  const peer = stream.remotePublicKey.toString('hex');
  streams.add(stream);
  say({ event: 'met', peer });
  stream.on('error', () => undefined);
  stream.on('end', () => stream.end());
  stream.on('close', () => {
    streams.delete(stream);
    say({ event: 'left', peer });
  });
  readFrames(stream, (body) => take(stream, peer, body));
});

process.once('SIGTERM', end);
// The parent process has ended.
process.stdin.resume().once('close', end);

await swarm.join(TOPIC, { server: true, client: false }).flushed();
say({ event: 'ready', worker_id: workerId, peer: swarm.keyPair.publicKey.toString('hex') });
setInterval(() => {
  for (const stream of streams) send(stream, { type: 'status', health: health() });
}, options.statusMs);

function take(stream, peer, body) {
  const message = parse(body);
  if (message === undefined) {
    send(stream, { type: 'inference_error', error: 'Invalid message' });
    return;
  }
  say({ event: 'message', peer, message });
  const { type, requestId } = message;
  if (type === 'prompt') answer(stream, message);
  // A status without health is a request for it.
  else if (
    type === 'status_request' ||
    (type === 'status' && requestId !== undefined && message.health === undefined)
  ) {
    send(stream, { type: 'status_response', requestId, health: health() });
  }
}

function answer(stream, { requestId, prompt }) {
  if (options.silent) return;
  const error = faultOf(prompt);
  if (error !== undefined) {
    send(stream, { type: 'inference_error', requestId, error });
    return;
  }
  const text = options.answer ?? `echo: ${prompt}`;
  const tokens = text.split(' ').length;
  send(stream, {
    type: 'inference_result',
    requestId,
    result: { text, tokens, duration: 10, tokensPerSecond: tokens * 100 },
  });
}

function faultOf(prompt) {
  if (typeof prompt !== 'string' || prompt === '') return 'Missing prompt in request';
  if (options.health < OVERLOADED_BELOW) return 'Worker overloaded, rejecting request';
  return options.error;
}

function health() {
  const score = options.health;
  const used = 100 - score;
  const accepts = score >= OVERLOADED_BELOW;
  const state = score > HEALTHY_ABOVE ? 'healthy' : accepts ? 'busy' : 'overloaded';
  return { score, state, cpu: used, memory: used, queueSize: 0, queueCapacity: 10, canAcceptRequests: accepts };
}

function send(stream, message) {
  const body = Buffer.from(JSON.stringify({ ...message, workerId, timestamp: Date.now() }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  stream.write(Buffer.concat([length, body]));
}

function readFrames(stream, takeBody) {
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4) {
      const length = rest.readUInt32BE();
      if (length > MAX_FRAME_BYTES) {
        stream.destroy();
        return;
      }
      if (rest.length < 4 + length) return;
      const body = rest.subarray(4, 4 + length);
      rest = rest.subarray(4 + length);
      takeBody(body);
    }
  });
}

function parse(body) {
  try {
    const message = JSON.parse(body.toString('utf8'));
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

function end() {
  setTimeout(() => process.exit(), END_GRACE_MS);
  void swarm.destroy().then(() => process.exit());
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        bootstrap: { type: 'string' },
        'status-ms': { type: 'string', default: '5000' },
        health: { type: 'string', default: '90' },
        answer: { type: 'string' },
        error: { type: 'string' },
        silent: { type: 'boolean' },
        'id-hex-length': { type: 'string', default: '64' },
      },
    });
    const { bootstrap, answer: text, error, silent } = values;
    const [statusMs, score, idHexLength] = [values['status-ms'], values.health, values['id-hex-length']].map(Number);
    if (bootstrap === undefined) throw new Error('--bootstrap is missing');
    if (!(statusMs > 0)) throw new Error('--status-ms takes milliseconds');
    if (!(score >= 0 && score <= 100)) throw new Error('--health takes a score of 0 to 100');
    if (![32, 64].includes(idHexLength)) throw new Error('--id-hex-length takes 32 or 64');
    return { bootstrap: bootstrap.split(','), statusMs, health: score, answer: text, error, silent, idHexLength };
  } catch (error) {
    process.stderr.write(`fixture-worker: ${error.message}\n`);
    process.exit(2);
  }
}
