// A client of the LocalLLM program, written from its protocol alone: plain Hyperswarm, newline-delimited JSON, no code of
// Shoal. It finds the host of a Server ID, waits for its server_info, sends one prompt, and ends with the answer.
//
// Arguments: --bootstrap HOST:PORT --server-id ID, and --prompt TEXT or --raw.
// stdout: each received message, one JSON document per line; with --raw also {event: 'met' | 'left', peer}.
// stdin, with --raw only: one JSON document per line: {"frame": {…}} sends a message, {"hex": TEXT} the bytes. Its end ends the
// program, as SIGTERM does.
// stderr: errors of this side, `CODE: text`, the code of the protocol.
// Exit code: 0 after chat_end, and after --raw; 1 after an error of either side; 2 for wrong arguments.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const REQUEST_ID = 'req-1';
const SEARCH_TIMEOUT_MS = 15_000;
const SERVER_INFO_TIMEOUT_MS = 15_000;
const CHUNK_TIMEOUT_MS = 30_000;
const LOOKUP_INTERVAL_MS = 1_000;
const MAX_UNREAD_BYTES = 64 * 1024;
const END_GRACE_MS = 700;

const options = readOptions();

// Nodes that use the loopback address must be bound to it.
const dht = new HyperDHT({ bootstrap: options.bootstrap, host: '127.0.0.1' });
const swarm = new Hyperswarm({ dht });
let current;
let isAsked = false;
let isEnding = false;
let timeout;

swarm.on('connection', (stream) => {
  const peer = stream.remotePublicKey.toString('hex');
  current = stream;
  if (options.raw) say({ event: 'met', peer });
  stream.on('error', () => undefined);
  stream.on('end', () => stream.end());
  stream.on('close', () => {
    if (current === stream) current = undefined;
    if (options.raw) say({ event: 'left', peer });
    else end(1, 'HOST_DISCONNECTED: the host left');
  });
  readLines(stream, (message) => {
    if (isEnding) return;
    say(message);
    if (!options.raw) take(message);
  });
  expect(SERVER_INFO_TIMEOUT_MS, 'TIMEOUT_NO_RESPONSE: no server_info');
});

const discovery = swarm.join(options.topic, { server: false, client: true });
// A repeated lookup finds a host that announces itself later.
setInterval(() => {
  if (!isEnding && current === undefined) void lookUp();
}, LOOKUP_INTERVAL_MS);
expect(SEARCH_TIMEOUT_MS, 'HOST_OFFLINE: nobody found');

process.once('SIGTERM', () => end(0));
if (options.raw) obeyStdin();

function take({ type, request_id, payload }) {
  if (type === 'server_info' && !isAsked) {
    isAsked = true;
    send({ type: 'chat_start', request_id: REQUEST_ID, payload: { prompt: options.prompt } });
  }
  if (type === 'error') end(1);
  if (isAsked) expect(CHUNK_TIMEOUT_MS, 'TIMEOUT_NO_RESPONSE: no chunk');
  if (type !== 'chat_end' || request_id !== REQUEST_ID) return;
  if (['stop', 'abort', 'error'].includes(payload.finish_reason)) end(0);
  else end(1, `BAD_MESSAGE: finish_reason ${payload.finish_reason}`);
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
    const { frame, hex } = JSON.parse(line);
    if (hex === undefined) send(frame);
    else current?.write(Buffer.from(hex, 'hex'));
  });
  input.once('close', () => end(0));
}

/** Ends the program with `reason` unless something else is expected before that. */
function expect(withinMs, reason) {
  clearTimeout(timeout);
  if (!options.raw) timeout = setTimeout(() => end(1, reason), withinMs);
}

function send(message) {
  current?.write(Buffer.from(`${JSON.stringify(message)}\n`));
}

function readLines(stream, takeMessage) {
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    if (rest.length > MAX_UNREAD_BYTES) {
      end(1, 'BAD_MESSAGE: too much came unread');
      return;
    }
    for (let eol = rest.indexOf('\n'); eol !== -1; eol = rest.indexOf('\n')) {
      const line = rest.subarray(0, eol).toString('utf8').trim();
      rest = rest.subarray(eol + 1);
      if (line !== '') takeMessage(JSON.parse(line));
    }
  });
}

function fromBase58(text) {
  const digits = [...text].map((letter) => ALPHABET.indexOf(letter));
  if (digits.length === 0 || digits.includes(-1)) return undefined;
  const number = digits.reduce((sum, digit) => sum * 58n + BigInt(digit), 0n);
  const zeros = digits.findIndex((digit) => digit !== 0);
  const hex = number === 0n ? '' : number.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.alloc(zeros === -1 ? digits.length : zeros), bytes]);
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
        'server-id': { type: 'string' },
        prompt: { type: 'string' },
        raw: { type: 'boolean' },
      },
    });
    const { bootstrap, prompt, raw = false } = values;
    if (bootstrap === undefined) throw new Error('--bootstrap is missing');
    if (raw === (prompt !== undefined)) throw new Error('give --raw or --prompt');
    const topic = fromBase58((values['server-id'] ?? '').trim());
    if (topic?.length !== 32) throw new Error('INVALID_SERVER_ID: --server-id takes 32 bytes in base58');
    return { bootstrap: bootstrap.split(','), prompt, raw, topic };
  } catch (error) {
    process.stderr.write(`fixture-client: ${error.message}\n`);
    process.exit(2);
  }
}
