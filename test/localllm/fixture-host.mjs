// A host of the LocalLLM program, written from its protocol alone: plain Hyperswarm, newline-delimited JSON, no code of
// Shoal. It prints its Server ID, sends server_info to each client, and sends one answer at a time, word by word.
//
// Arguments: --bootstrap HOST:PORT [--server-id ID] [--model NAME] [--name NAME] [--answer TEXT] [--words-per-second N]
// [--busy | --silent | --error CODE | --crash-after N] [--close-idle]. --busy answers every chat with MODEL_BUSY, --silent sends
// nothing, --error answers with that code, --crash-after destroys the connection after that many words, --close-idle ends it
// after each answer.
// stdout: one JSON document per line: {event: 'listening', server_id, peer} with its own key once it can be found, then
// {event: 'met' | 'left' | 'message', peer, …}; a message carries {message}.
// stdin: unused; its end ends the program, as SIGTERM does.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const MAX_CLIENTS = 5;
const MAX_PROMPT_BYTES = 8_192;
const MAX_LINE_BYTES = 64 * 1024;
const MAX_BAD_LINES = 16;
const END_GRACE_MS = 700;

const options = readOptions();

// Nodes that use the loopback address must be bound to it.
const dht = new HyperDHT({ bootstrap: options.bootstrap, host: '127.0.0.1' });
const swarm = new Hyperswarm({ dht });
const streams = new Set();
/** The one running answer. */
let running;

swarm.on('connection', (stream) => {
  const peer = stream.remotePublicKey.toString('hex');
  say({ event: 'met', peer });
  stream.on('error', () => undefined);
  stream.on('end', () => stream.end());
  stream.on('close', () => {
    streams.delete(stream);
    if (running?.stream === stream) stop();
    say({ event: 'left', peer });
  });
  if (streams.size === MAX_CLIENTS) {
    fail(stream, undefined, 'CONNECT_FAILED', 'Max clients reached');
    stream.end();
    return;
  }
  streams.add(stream);
  readLines(stream, (message) => {
    say({ event: 'message', peer, message });
    if (message.type === 'chat_start') start(stream, message);
    if (message.type === 'abort') abort(stream, message);
  });
  if (options.silent) return;
  const status = options.busy || running !== undefined ? 'busy' : 'ready';
  send(stream, { type: 'server_info', payload: { host_name: options.name, model: options.model, status } });
});

process.once('SIGTERM', end);
// The parent process has ended.
process.stdin.resume().once('close', end);

await swarm.join(options.topic, { server: true, client: false }).flushed();
const ownKey = swarm.keyPair.publicKey.toString('hex');
say({ event: 'listening', server_id: toBase58(options.topic), peer: ownKey });

function start(stream, { request_id, payload }) {
  if (options.silent) return;
  const { prompt } = payload;
  if (prompt === '' || Buffer.byteLength(prompt) > MAX_PROMPT_BYTES) {
    fail(stream, request_id, 'BAD_MESSAGE', 'The prompt is empty or too long');
  } else if (options.busy || running !== undefined) {
    fail(stream, request_id, 'MODEL_BUSY', 'Host is processing another request');
  } else if (options.error !== undefined) {
    fail(stream, request_id, options.error, 'As it was told to');
  } else {
    const words = (options.answer ?? `You said: ${prompt}`).split(/(?= )/);
    const timer = setInterval(sayWord, 1_000 / options.wordsPerSecond);
    running = { stream, request_id, words, said: 0, timer };
  }
}

function sayWord() {
  const { stream, request_id, words, said } = running;
  if (said === options.crashAfter) {
    stop();
    stream.destroy();
  } else if (said === words.length) {
    stop();
    send(stream, { type: 'chat_end', request_id, payload: { finish_reason: 'stop' } });
    if (options['close-idle']) stream.end();
  } else {
    running.said += 1;
    send(stream, { type: 'chat_chunk', request_id, payload: { text: words[said] } });
  }
}

function abort(stream, { request_id }) {
  if (running?.stream !== stream || running.request_id !== request_id) return;
  stop();
  send(stream, { type: 'chat_end', request_id, payload: { finish_reason: 'abort' } });
}

function stop() {
  clearInterval(running.timer);
  running = undefined;
}

function fail(stream, request_id, code, message) {
  send(stream, { type: 'error', request_id, payload: { code, message } });
}

function send(stream, message) {
  stream.write(Buffer.from(`${JSON.stringify(message)}\n`));
}

function readLines(stream, take) {
  let rest = Buffer.alloc(0);
  let badLines = 0;
  const refuse = (reason) => {
    if (!options.silent) fail(stream, undefined, 'BAD_MESSAGE', reason);
  };
  stream.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let eol = rest.indexOf('\n'); eol !== -1 && eol <= MAX_LINE_BYTES; eol = rest.indexOf('\n')) {
      const line = rest.subarray(0, eol).toString('utf8').trim();
      rest = rest.subarray(eol + 1);
      if (line === '') continue;
      const message = parse(line);
      badLines = message === undefined ? badLines + 1 : 0;
      if (message === undefined) refuse('Not a message of this protocol');
      else take(message);
    }
    if (rest.length > MAX_LINE_BYTES) refuse('The line is too long');
    if (rest.length > MAX_LINE_BYTES || badLines >= MAX_BAD_LINES) {
      stream.removeAllListeners('data').resume();
      stream.end();
    }
  });
}

/** Returns the message if it is valid from a client, else undefined. */
function parse(line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { type, request_id, payload } = message ?? {};
  const hasId = typeof request_id === 'string';
  if (type === 'chat_start' && hasId && typeof payload?.prompt === 'string') return message;
  if (type === 'abort' && hasId) return message;
  // A host ignores messages of other hosts; they are not errors.
  return ['error', 'server_info', 'chat_chunk', 'chat_end'].includes(type) ? message : undefined;
}

function toBase58(bytes) {
  let number = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
  for (const byte of bytes) {
    if (byte !== 0) break;
    text = `1${text}`;
  }
  return text;
}

function topicOf(serverId) {
  const digits = [...serverId].map((letter) => ALPHABET.indexOf(letter));
  const number = digits.includes(-1) ? 0n : digits.reduce((sum, digit) => sum * 58n + BigInt(digit), 0n);
  const topic = Buffer.from(number.toString(16).padStart(64, '0').slice(-64), 'hex');
  if (toBase58(topic) !== serverId) throw new Error('--server-id takes 32 bytes in base58');
  return topic;
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
        'server-id': { type: 'string' },
        model: { type: 'string', default: 'llama3.2' },
        name: { type: 'string', default: 'Fixture host' },
        answer: { type: 'string' },
        'words-per-second': { type: 'string', default: '20' },
        busy: { type: 'boolean' },
        silent: { type: 'boolean' },
        error: { type: 'string' },
        'crash-after': { type: 'string' },
        'close-idle': { type: 'boolean' },
      },
    });
    const wordsPerSecond = Number(values['words-per-second']);
    const crashAfter = values['crash-after'] === undefined ? undefined : Number(values['crash-after']);
    if (values.bootstrap === undefined) throw new Error('--bootstrap is missing');
    if (!(wordsPerSecond > 0)) throw new Error('--words-per-second takes a number above 0');
    if (crashAfter !== undefined && !(crashAfter >= 0)) throw new Error('--crash-after takes a number of words');
    const topic = values['server-id'] === undefined ? randomBytes(32) : topicOf(values['server-id'].trim());
    return { ...values, bootstrap: values.bootstrap.split(','), topic, wordsPerSecond, crashAfter };
  } catch (error) {
    process.stderr.write(`fixture-host: ${error.message}\n`);
    process.exit(2);
  }
}
