// The OpenGateway program's prompt tool, written from its protocol alone: plain Hyperswarm, newline-delimited JSON, no code
// of Shoal. It uses only the padded topic, sends no hello, prompts every peer that connects, and prints the first answer.
//
// Arguments: --bootstrap HOST:PORT --cluster ID --prompt TEXT [--model NAME] [--id JSON]
// stdout: the answer only. stderr: `asked KEY` for each peer. Exit code 1 without an answer within 30 s.
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';

const ANSWER_TIMEOUT_MS = 30_000;

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string' },
    cluster: { type: 'string' },
    prompt: { type: 'string' },
    model: { type: 'string' },
    id: { type: 'string' },
  },
});

const request = {
  type: 'inference_request',
  request_id: values.id === undefined ? randomUUID() : JSON.parse(values.id),
  prompt: values.prompt,
  model: values.model,
};

// Nodes that use the loopback address must be bound to it.
const dht = new HyperDHT({ bootstrap: [values.bootstrap], host: '127.0.0.1' });
const swarm = new Hyperswarm({ dht });

swarm.on('connection', (stream) => {
  stream.on('error', () => undefined);
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      const line = rest.subarray(0, end).toString('utf8').trim();
      rest = rest.subarray(end + 1);
      if (line !== '') take(JSON.parse(line));
    }
  });
  stream.write(Buffer.from(`${JSON.stringify(request)}\n`));
  process.stderr.write(`asked ${stream.remotePublicKey.toString('hex')}\n`);
});

const topic = Buffer.alloc(32);
Buffer.from(values.cluster).copy(topic);
swarm.join(topic, { server: false, client: true });

let isOver = false;
const timeout = setTimeout(() => void finish(1), ANSWER_TIMEOUT_MS);
// The parent process has ended.
process.stdin.resume().on('end', () => void finish(1));

function take(message) {
  if (isOver || message.type !== 'inference_response') return;
  if (!isDeepStrictEqual(message.request_id, request.request_id)) return;
  process.stdout.write(`${message.response}\n`);
  void finish(0);
}

async function finish(code) {
  if (isOver) return;
  isOver = true;
  clearTimeout(timeout);
  await swarm.destroy();
  process.exit(code);
}
