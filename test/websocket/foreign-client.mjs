// An independent client, written from docs/protocols/shoal.md alone, with the platform's WebSocket and no code of Shoal.
//   node foreign-client.mjs URL SEED [TOKEN]
// SEED is 64 hex digits; the key pair of the client comes from it. Prints the received data as one JSON object.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';

const [url, seed, token] = process.argv.slice(2);
// RFC 8410: an Ed25519 private key is these bytes before its seed.
const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex');
const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
const peerId = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');

const heard = { peerId, hello: null, status: null, text: '', end: null, aborted: '', error: null, closed: null };
const digest = createHash('sha256');
const socket = new WebSocket(url);
const say = (message) => socket.send(JSON.stringify(message));
const heartbeat = setInterval(() => say({ type: 'ping' }), 500);

const steps = {
  peer_hello(message) {
    if (heard.hello !== null) return;
    heard.hello = message;
    const text = `shoal/1 hello\n${message.peer_id}\n${message.challenge}\n${peerId}\n`;
    say({
      type: 'peer_hello',
      protocol: 'shoal/1',
      peer_id: peerId,
      node_name: 'foreign',
      signature: sign(null, Buffer.from(text), privateKey).toString('hex'),
      ...(token === undefined ? {} : { token }),
    });
  },
  peer_status(message) {
    if (heard.status !== null) return;
    heard.status = message;
    say({ type: 'inference_request', request_id: 'whole', prompt: 'four score and seven 🐟' });
  },
  inference_chunk({ request_id: id, text }) {
    if (id === 'whole') {
      heard.text += text;
      digest.update(text);
      return;
    }
    if (id !== 'cut') return;
    heard.aborted += text;
    if (heard.aborted === 'word word ') {
      say({ type: 'inference_abort', request_id: id });
      // Any further message about it would arrive before the reply to this one.
      say({ type: 'inference_request', request_id: 'after', prompt: '!' });
    }
  },
  inference_end(message) {
    if (message.request_id === 'whole') {
      heard.end = { ...message, fits: message.output_sha256 === digest.digest('hex') };
      say({
        type: 'inference_request',
        request_id: 'cut',
        messages: [{ role: 'user', content: 'word '.repeat(10_000) }],
      });
    } else {
      socket.close(1000);
    }
  },
  inference_error(message) {
    heard.error = message;
  },
  pong() {},
};

socket.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data);
  steps[message.type](message);
});
socket.addEventListener('close', ({ code }) => {
  clearInterval(heartbeat);
  heard.closed = code;
  console.log(JSON.stringify(heard));
});
