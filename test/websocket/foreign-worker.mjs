// An independent worker, written from docs/protocols/shoal.md alone: a WebSocket server without code of Shoal. It answers with
// the words of the prompt one by one, handles aborts, and ends after --dies-after words.
//   node foreign-worker.mjs [--token TOKEN] [--words-per-second N] [--dies-after WORDS]
// stdout: one JSON document per line: {"event":"listening","url"}, {"event":"message","message"}. It ends with its stdin.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

const { values } = parseArgs({
  options: {
    token: { type: 'string' },
    'words-per-second': { type: 'string', default: '1000' },
    'dies-after': { type: 'string', default: 'Infinity' },
  },
});
const pauseMs = 1_000 / Number(values['words-per-second']);
const print = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/shoal/v1', perMessageDeflate: false });
server.on('listening', () => print({ event: 'listening', url: `ws://127.0.0.1:${server.address().port}/shoal/v1` }));
server.on('connection', (socket) => {
  const aborted = new Set();
  let isWelcome = false;
  const say = (message) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(message));

  const steps = {
    peer_hello({ token, protocol }) {
      if (protocol !== 'shoal/1' || (values.token !== undefined && token !== values.token)) {
        say({ type: 'inference_error', code: 'UNAUTHORIZED', message: 'Not with this token.' });
        return socket.close(1000);
      }
      isWelcome = true;
      say({ type: 'peer_status', health: 90, active: 0, queued: 0, slots: 1 });
    },
    ping: () => say({ type: 'pong' }),
    async inference_request({ request_id, prompt, messages }) {
      const words = (prompt ?? messages.at(-1).content).match(/\S+\s*/g);
      const digest = createHash('sha256');
      for (const [index, text] of words.entries()) {
        await wait(pauseMs);
        if (aborted.has(request_id)) return;
        if (index >= Number(values['dies-after'])) return socket.terminate();
        digest.update(text);
        say({ type: 'inference_chunk', request_id, text, tokens: [index] });
      }
      const usage = { prompt_tokens: words.length, completion_tokens: words.length };
      say({ type: 'inference_end', request_id, finish_reason: 'stop', usage, output_sha256: digest.digest('hex') });
    },
    inference_abort: ({ request_id }) => void aborted.add(request_id),
  };

  socket.on('message', (/** @type {Buffer} */ data) => {
    const message = JSON.parse(data.toString());
    print({ event: 'message', message });
    if (message.type === 'peer_hello' || isWelcome) void steps[message.type]?.(message);
  });
  say({
    type: 'peer_hello',
    protocol: 'shoal/1',
    node_name: 'Foreign',
    peer_id: 'f0'.repeat(32),
    clusters: [],
    supported_models: ['parrot'],
    version: '9',
    uptime_s: 1,
    roles: ['worker'],
    models: [{ id: 'parrot' }],
    capacity: { slots: 1, queue: 0 },
    challenge: randomBytes(32).toString('hex'),
  });
});
process.stdin.resume().on('end', () => process.exit());
