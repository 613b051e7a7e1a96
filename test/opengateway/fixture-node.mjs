// A node of the OpenGateway program, written from its protocol alone: plain Hyperswarm, newline-delimited JSON, no code of
// Shoal. It sends a hello to every peer, answers prompts as its arguments say, and sends the messages from stdin.
//
// Arguments: --bootstrap HOST:PORT --name NAME --cluster ID [--model NAME] [--answer TEXT | --silent] [--early]
// --early: as an early version, it sends no hello, and its answers have no id.
// stdout: one JSON document per line: {event: 'met' | 'left' | 'message', peer, …}; a message carries {message}.
// stdin: one JSON document per line: {"message": {…}} sends a message, {"bytes": TEXT} writes TEXT unchanged; to one peer with
// {"to": KEY}, else to all.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    name: { type: 'string' },
    cluster: { type: 'string' },
    model: { type: 'string' },
    answer: { type: 'string' },
    silent: { type: 'boolean' },
    early: { type: 'boolean' },
  },
});

const hello = {
  type: 'peer_hello',
  node_name: values.name,
  clusters: [values.cluster],
  supported_models: values.model === undefined ? [] : [values.model],
};

// Nodes that use the loopback address must be bound to it.
const dht = new HyperDHT({ bootstrap: [values.bootstrap], host: '127.0.0.1' });
const swarm = new Hyperswarm({ dht });
const streams = new Map();

swarm.on('connection', (stream) => {
  const peer = stream.remotePublicKey.toString('hex');
  streams.set(peer, stream);
  say({ event: 'met', peer });
  stream.on('error', () => undefined);
  stream.on('end', () => stream.end());
  stream.on('close', () => {
    if (streams.get(peer) === stream) streams.delete(peer);
    say({ event: 'left', peer });
  });
  readLines(stream, (message) => {
    say({ event: 'message', peer, message });
    if (message.type === 'inference_request') answer(stream, message);
  });
  if (!values.early) send(stream, hello);
});

const topic = createHash('sha256').update(values.cluster).digest();
swarm.join(topic, { server: true, client: true });

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const { to, bytes, message } = JSON.parse(line);
  for (const [peer, stream] of streams) {
    if (to !== undefined && to !== peer) continue;
    if (bytes === undefined) send(stream, message);
    else stream.write(Buffer.from(bytes));
  }
});
input.on('close', () => void swarm.destroy().then(() => process.exit()));

function answer(stream, { request_id, prompt }) {
  if (values.silent) return;
  const response = values.answer ?? `${values.name} says: ${prompt}`;
  send(stream, { type: 'inference_response', ...(!values.early && { request_id, model: values.model }), response });
}

function send(stream, message) {
  stream.write(Buffer.from(`${JSON.stringify(message)}\n`));
}

function readLines(stream, take) {
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      const line = rest.subarray(0, end).toString('utf8').trim();
      rest = rest.subarray(end + 1);
      if (line !== '') take(JSON.parse(line));
    }
  });
}

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
