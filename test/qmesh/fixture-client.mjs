// A client of the QMesh program, written from its protocol alone: plain Hyperswarm, JSON behind a big-endian length, no code
// of Shoal. It waits until workers have reported their health, prompts the healthiest one that accepts requests, and ends.
//
// Arguments: --bootstrap HOST:PORT, and --prompt TEXT [--max-tokens N] [--temperature N] [--workers N] [--status-request],
// or --raw. It chooses among the first N workers (default 1) that report their health; --status-request requests it.
// stdout: one JSON document per line: {event: 'met' | 'left' | 'message', peer, …}; a message carries {message}.
// stdin, with --raw only: one JSON document per line: {"frame": {…}} sends a message, {"hex": TEXT} the bytes; to one peer with
// {"to": KEY}, else to all. Its end ends the program, as SIGTERM does.
// Exit code: 0 with a result, 1 with an error or after 60 s (the reason is on stderr), 2 for wrong arguments.
import { createHash, randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';

const TOPIC = createHash('sha256').update('qmesh-inference').digest();
const ANSWER_TIMEOUT_MS = 60_000;
const LOOKUP_INTERVAL_MS = 1_000;
const END_GRACE_MS = 700;

const options = readOptions();

// Nodes that use the loopback address must be bound to it.
const dht = new HyperDHT({ bootstrap: options.bootstrap, host: '127.0.0.1' });
const swarm = new Hyperswarm({ dht });
const streams = new Map();
const healths = new Map();
let isEnding = false;
/** Set when the prompt is sent. */
let asked;

swarm.on('connection', (stream) => {
  const peer = stream.remotePublicKey.toString('hex');
  streams.set(peer, stream);
  say({ event: 'met', peer });
  stream.on('error', () => undefined);
  stream.on('end', () => stream.end());
  stream.on('close', () => {
    if (streams.get(peer) !== stream) return;
    streams.delete(peer);
    healths.delete(peer);
    say({ event: 'left', peer });
    if (peer === asked?.peer) end(1, 'the worker left before its answer');
  });
  readFrames(stream, (message) => {
    say({ event: 'message', peer, message });
    if (!options.raw) take(stream, peer, message);
  });
  if (options.statusRequest) send(stream, { type: 'status_request', requestId: newId() });
});

const discovery = swarm.join(TOPIC, { server: false, client: true });
// A repeated lookup finds a worker that announces itself later.
setInterval(() => {
  if (!isEnding && asked === undefined) void lookUp();
}, LOOKUP_INTERVAL_MS);

process.once('SIGTERM', () => end(0));
if (options.raw) obeyStdin();
else setTimeout(() => end(1, 'no answer in time'), ANSWER_TIMEOUT_MS);

function take(stream, peer, message) {
  if (message.type === 'status' || message.type === 'status_response') {
    healths.set(peer, { ...message.health, stream });
    if (asked === undefined && healths.size >= options.workers) ask();
  }
  if (asked === undefined || message.requestId !== asked.requestId) return;
  if (message.type === 'inference_result') end(0);
  if (message.type === 'inference_error') end(1, message.error);
}

function ask() {
  const ready = [...healths].filter(([, { canAcceptRequests }]) => canAcceptRequests);
  const [best] = ready.toSorted(([, a], [, b]) => b.score - a.score);
  if (best === undefined) return;
  const [peer, { stream }] = best;
  asked = { peer, requestId: newId() };
  const { prompt, maxTokens, temperature } = options;
  send(stream, { type: 'prompt', requestId: asked.requestId, prompt, options: { maxTokens, temperature } });
}

async function lookUp() {
  try {
    await discovery.refresh({ server: false, client: true });
  } catch (error) {
    // The end of the program cancels a lookup.
    if (!isEnding) throw error;
  }
}

function obeyStdin() {
  const input = createInterface({ input: process.stdin });
  input.on('line', (line) => {
    const { to, frame, hex } = JSON.parse(line);
    for (const [peer, stream] of streams) {
      if (to !== undefined && to !== peer) continue;
      if (hex === undefined) stream.write(encode(frame));
      else stream.write(Buffer.from(hex, 'hex'));
    }
  });
  input.once('close', () => end(0));
}

function newId() {
  return randomBytes(8).toString('hex');
}

function send(stream, message) {
  stream.write(encode({ ...message, timestamp: Date.now() }));
}

function encode(message) {
  const body = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function readFrames(stream, takeMessage) {
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const frameBytes = 4 + rest.readUInt32BE();
      const body = rest.subarray(4, frameBytes);
      rest = rest.subarray(frameBytes);
      takeMessage(JSON.parse(body.toString('utf8')));
    }
  });
}

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

function end(code, reason) {
  if (isEnding) return;
  isEnding = true;
  if (reason !== undefined) process.stderr.write(`${reason}\n`);
  setTimeout(() => process.exit(code), END_GRACE_MS);
  void swarm.destroy().then(() => process.exit(code));
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        bootstrap: { type: 'string' },
        prompt: { type: 'string' },
        'max-tokens': { type: 'string' },
        temperature: { type: 'string' },
        workers: { type: 'string', default: '1' },
        'status-request': { type: 'boolean' },
        raw: { type: 'boolean' },
      },
    });
    const { bootstrap, prompt, raw = false } = values;
    if (bootstrap === undefined) throw new Error('--bootstrap is missing');
    if (raw === (prompt !== undefined)) throw new Error('give --raw or --prompt');
    const number = (name) => {
      const value = values[name] === undefined ? undefined : Number(values[name]);
      if (Number.isNaN(value)) throw new Error(`--${name} takes a number`);
      return value;
    };
    return {
      bootstrap: bootstrap.split(','),
      prompt,
      raw,
      maxTokens: number('max-tokens'),
      temperature: number('temperature'),
      workers: number('workers'),
      statusRequest: values['status-request'] ?? false,
    };
  } catch (error) {
    process.stderr.write(`fixture-client: ${error.message}\n`);
    process.exit(2);
  }
}
