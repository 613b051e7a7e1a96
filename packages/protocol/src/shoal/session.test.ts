import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '../error.ts';
import { ndjsonFramer } from '../framing/index.ts';
import { encodeObject, type JsonObject, parseObject } from '../json.ts';
import { FRAME_STALL_MS, MAX_BAD_MESSAGES_IN_A_ROW } from '../message-session.ts';
import { promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import { HEARTBEAT_MS, WORKER_SILENT_MS } from './client.ts';
import { type HelloMessage, INITIAL_CREDIT_BYTES, MAX_REQUEST_BYTES, PROTOCOL, statusMessage } from './messages.ts';
import {
  HELLO_TIMEOUT_MS,
  PEER_SILENT_MS,
  PeerSession,
  type PeerSessionOptions,
  STATUS_INTERVAL_MS,
} from './session.ts';

const hello: HelloMessage = {
  type: 'peer_hello',
  node_name: 'NodeA',
  clusters: ['gatewayai-poc'],
  supported_models: ['tiny'],
  protocol: PROTOCOL,
  peer_id: 'ab'.repeat(32),
  version: '0.1.0',
  uptime_s: 1,
  roles: ['worker', 'client'],
  models: [{ id: 'tiny', digest: `sha256:${'0'.repeat(64)}`, context_length: 512 }],
  capacity: { slots: 4, queue: 8 },
};
const openGatewayHello = { type: 'peer_hello', node_name: 'Old', clusters: ['gatewayai-poc'], supported_models: [] };
const request = { input: promptInput('Hi'), sampling: {}, stop: [] };

function open(helloOwed = false, more: Partial<PeerSessionOptions> = {}): PeerSession {
  const session = new PeerSession({
    framer: ndjsonFramer(MAX_REQUEST_BYTES),
    hello: () => hello,
    status: () => ({ health: 90, active: 0, queued: 0, slots: 4 }),
    idPrefix: 'me',
    helloOwed,
    ...more,
  });
  session.start(0);
  return session;
}

const line = (message: object): Uint8Array => ndjsonFramer(0).encode(encodeObject(message));
const sent = (outputs: readonly Output[]): JsonObject[] =>
  outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
const types = (outputs: readonly Output[]): string[] =>
  outputs.map((output) => (output.type === 'send' ? String(parseObject(output.bytes)['type']) : output.type));

test('a session first sends a hello that is valid in both dialects', () => {
  const [first] = sent(
    new PeerSession({
      framer: ndjsonFramer(MAX_REQUEST_BYTES),
      hello: () => hello,
      status: () => ({ health: 1, active: 0, queued: 0, slots: 0 }),
      idPrefix: 'me',
      helloOwed: false,
    }).start(0),
  );
  assert.deepEqual([first?.['type'], first?.['node_name'], first?.['protocol']], ['peer_hello', 'NodeA', 'shoal/1']);
  assert.deepEqual([first?.['clusters'], first?.['supported_models']], [['gatewayai-poc'], ['tiny']]);
});

test('a hello with shoal/1 selects shoal/1', () => {
  const outputs = open().receive(line(hello), 0);
  assert.deepEqual(types(outputs), ['peer_status', 'peer']);
  const met = outputs.find((output) => output.type === 'peer');
  assert.equal(met?.peer.lends, true);
  assert.deepEqual(met?.peer.models, [{ id: 'tiny', digest: `sha256:${'0'.repeat(64)}`, contextLength: 512 }]);
});

test('a status names the models that cannot answer now', () => {
  const session = open();
  session.receive(line(hello), 0);
  const status = { health: 0, active: 0, queued: 0, slots: 1, unavailable: ['tiny'] };
  const [met] = session.receive(line(statusMessage(status)), 0);
  assert.ok(met?.type === 'peer');
  assert.deepEqual(met.peer.status, status);
});

test('a hello without shoal/1 selects OpenGateway, which sends no errors', () => {
  const session = open();
  assert.deepEqual(types(session.receive(line(openGatewayHello), 0)), ['peer']);
  assert.deepEqual(session.receive(line({ type: 'nonsense' }), 0), []);
  const [asked] = session.receive(line({ type: 'inference_request', request_id: 1, prompt: 'Hi' }), 0);
  assert.equal(asked?.type, 'request');
  assert.deepEqual(session.respond(1, { type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.') }, 0), []);
});

test('a prompt tool may send its request first, and its id is returned unchanged', () => {
  const session = open();
  const requestId = { any: ['json', 1] };
  const outputs = session.receive(line({ type: 'inference_request', request_id: requestId, prompt: 'Hi' }), 0);
  assert.deepEqual(types(outputs), ['peer', 'request']);
  session.respond(1, { type: 'text', text: 'Hello', tokens: [] }, 0);
  const [answer] = sent(session.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eos' }, 0));
  assert.deepEqual(answer, { type: 'inference_response', request_id: requestId, response: 'Hello' });
});

test('a peer that has sent nothing is asked in OpenGateway, and its answer needs neither a hello nor an id', () => {
  const session = open();
  const [asked] = sent(session.ask(1, request, 0));
  assert.deepEqual(asked, { type: 'inference_request', request_id: 'me-1', prompt: 'Hi' });
  assert.deepEqual(types(session.receive(line({ type: 'inference_response', response: 'Hello' }), 5)), [
    'peer',
    'event',
    'event',
  ]);
  session.ask(2, request, 10);
  const named = { type: 'inference_response', request_id: 'me-2', response: 'Hello' };
  assert.deepEqual(types(session.receive(line(named), 15)), ['event', 'event']);
});

test('a response without an id is not that of another request: it is ignored while an earlier one may still be answered', () => {
  const session = open();
  const late = line({ type: 'inference_response', response: 'To the first.' });
  session.ask(1, request, 0);
  session.abort(1);
  session.ask(2, request, 1_000);
  assert.deepEqual(types(session.receive(late, 2_000)), ['peer']);
  assert.deepEqual(types(session.tick(31_000)), ['event']);
  session.ask(3, request, 60_999);
  assert.deepEqual(session.receive(late, 60_999), []);
  assert.deepEqual(types(session.receive(late, 61_000)), ['event', 'event']);
});

test('a late hello with shoal/1 selects shoal/1, and the request that was sent before it is lost', () => {
  const session = open();
  session.ask(1, request, 0);
  const outputs = session.receive(line(hello), 0);
  assert.deepEqual(types(outputs), ['event', 'peer_status', 'peer']);
  const [lost] = outputs;
  assert.ok(lost?.type === 'event' && lost.event.type === 'error');
  assert.equal(lost.event.error.code, 'WORKER_LOST');
  assert.equal(sent(session.ask(2, request, 0))[0]?.['stream'], true);
});

test('a peer that owes its hello is asked nothing before it', () => {
  assert.throws(() => open(true).ask(1, request, 0), { code: 'CONNECT_FAILED' });
});

test('a request without an id is answered without one, and one without a prompt is ignored', () => {
  const session = open();
  assert.deepEqual(types(session.receive(line({ type: 'inference_request' }), 0)), ['peer']);
  session.receive(line({ type: 'inference_request', prompt: 'Hi' }), 0);
  const [answer] = sent(session.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eos' }, 0));
  assert.deepEqual(answer, { type: 'inference_response', response: '' });
});

test('a bad line is answered with an error, and sixteen in a row end the connection', () => {
  const session = open();
  session.receive(line(hello), 0);
  assert.deepEqual(sent(session.receive(Buffer.from('{"broken":\n'), 0))[0]?.['code'], 'BAD_MESSAGE');
  for (let bad = 2; bad < MAX_BAD_MESSAGES_IN_A_ROW; bad += 1) session.receive(Buffer.from('{]\n'), 0);
  assert.deepEqual(types(session.receive(Buffer.from('{]\n'), 0)), ['inference_error', 'close']);
  assert.deepEqual(session.receive(line(hello), 0), []);
});

test('a good line between bad ones keeps the connection', () => {
  const session = open();
  session.receive(line(hello), 0);
  for (let round = 0; round < 2 * MAX_BAD_MESSAGES_IN_A_ROW; round += 1) {
    assert.deepEqual(types(session.receive(Buffer.from('{]\n{"type":"pong"}\n'), 0)), ['inference_error']);
  }
});

test('a line over its limit is refused before its end', () => {
  assert.deepEqual(types(open().receive(Buffer.alloc(300 * 1024, 0x20), 0)), ['close']);
  const session = open();
  session.receive(line(hello), 0);
  assert.deepEqual(session.receive(Buffer.alloc(300 * 1024, 0x20), 0), []);
  assert.deepEqual(types(session.receive(Buffer.alloc(800 * 1024, 0x20), 0)), ['inference_error', 'close']);
});

test('only a request may be large', () => {
  const session = open();
  session.receive(line(hello), 0);
  const long = 'x'.repeat(300 * 1024);
  assert.deepEqual(types(session.receive(line({ type: 'inference_request', request_id: 'a', prompt: long }), 0)), [
    'request',
  ]);
  assert.deepEqual(types(session.receive(line({ type: 'pong', long }), 0)), ['inference_error', 'close']);
});

test('an incomplete line ends the connection after its timeout', () => {
  const session = open();
  session.receive(Buffer.from('{"type":'), 1_000);
  session.receive(Buffer.from('"peer'), 9_000);
  assert.equal(session.wakeAt, 1_000 + FRAME_STALL_MS);
  assert.deepEqual(types(session.tick(1_000 + FRAME_STALL_MS)), ['close']);
});

test('a required hello must come first, in time and within its limit', () => {
  assert.deepEqual(types(open(true).receive(line({ type: 'inference_request', prompt: 'Hi' }), 0)), [
    'inference_error',
    'close',
  ]);
  assert.deepEqual(types(open(true).receive(line(openGatewayHello), 0)), ['inference_error', 'close']);
  assert.deepEqual(types(open(true).receive(Buffer.alloc(17 * 1024, 0x20), 0)), ['inference_error', 'close']);
  const late = open(true);
  assert.equal(late.wakeAt, HELLO_TIMEOUT_MS);
  assert.deepEqual(types(late.tick(HELLO_TIMEOUT_MS)), ['inference_error', 'close']);
  assert.deepEqual(types(open(true).receive(line(hello), 0)), ['peer_status', 'peer']);
});

test('the status is sent every five seconds, and a peer that is silent for fifteen is lost', () => {
  const session = open();
  session.receive(line(hello), 0);
  assert.equal(session.wakeAt, STATUS_INTERVAL_MS);
  assert.deepEqual(types(session.tick(STATUS_INTERVAL_MS)), ['peer_status']);
  assert.deepEqual(types(session.tick(2 * STATUS_INTERVAL_MS)), ['peer_status']);
  assert.deepEqual(types(session.tick(PEER_SILENT_MS)), ['peer_status']);
  assert.deepEqual(types(session.tick(session.wakeAt)), ['close']);
});

test('a stall of this process does not lose an active peer', () => {
  const session = open();
  session.receive(line(hello), 0);
  assert.deepEqual(types(session.tick(10 * PEER_SILENT_MS)), ['peer_status']);
  session.receive(line({ type: 'pong' }), 10 * PEER_SILENT_MS);
  assert.deepEqual(types(session.tick(10 * PEER_SILENT_MS + 1_000)), []);
});

test('a silent worker with an open request is lost within two seconds', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.ask(1, request, 0);
  const outputs: Output[] = [];
  let now = 0;
  while (!outputs.some(({ type }) => type === 'close')) {
    now = session.wakeAt;
    outputs.push(...session.tick(now));
  }
  assert.equal(now, WORKER_SILENT_MS);
  assert.deepEqual(types(outputs), ['ping', 'ping', 'ping', 'event', 'close']);
  const ended = outputs.find((output) => output.type === 'event');
  assert.equal(ended?.event.type === 'error' && ended.event.error.code, 'WORKER_LOST');
});

test('a worker that answers pings is not lost while it computes', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.ask(1, request, 0);
  for (let now = HEARTBEAT_MS; now < 60_000; now += HEARTBEAT_MS) {
    assert.ok(!types(session.tick(now)).includes('close'));
    session.receive(line({ type: 'pong' }), now + 1);
  }
});

test('a worker pauses without credit and continues with it', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.receive(line({ type: 'inference_request', request_id: 'a', prompt: 'Hi' }), 0);
  assert.equal(session.credit(1), INITIAL_CREDIT_BYTES);
  while (session.credit(1) > 0) session.respond(1, { type: 'text', text: 'x'.repeat(10_000), tokens: [] }, 0);
  const [credit] = session.receive(line({ type: 'inference_credit', request_id: 'a', bytes: INITIAL_CREDIT_BYTES }), 0);
  assert.deepEqual(credit, { type: 'credit', id: 1 });
  assert.ok(session.credit(1) > 0);
});

test('a worker that exceeds its credit is lost', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.ask(1, request, 0);
  const chunk = line({ type: 'inference_chunk', request_id: 'me-1', text: 'x'.repeat(100_000), tokens: [] });
  const outputs: Output[] = [];
  for (let index = 0; index < 6; index += 1) outputs.push(...session.receive(chunk, 0));
  assert.deepEqual(types(outputs).slice(-2), ['inference_abort', 'event']);
});

test('consumed bytes are granted again', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.ask(1, request, 0);
  assert.deepEqual(session.consumed(1, 1_000), []);
  assert.deepEqual(sent(session.consumed(1, 100_000)), [
    { type: 'inference_credit', request_id: 'me-1', bytes: 101_000 },
  ]);
});

test('an answer that differs from the sent one is an error', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.ask(1, request, 0);
  session.receive(line({ type: 'inference_chunk', request_id: 'me-1', text: '4', tokens: [] }), 0);
  const end = { type: 'inference_end', request_id: 'me-1', finish_reason: 'stop', output_sha256: '00' };
  const [ended] = session.receive(line(end), 0);
  assert.equal(ended?.type === 'event' && ended.event.type, 'error');
});

test('without streaming, text is buffered until the end', () => {
  const session = open();
  session.receive(line(hello), 0);
  session.receive(line({ type: 'inference_request', request_id: 'a', prompt: 'Hi', stream: false }), 0);
  assert.deepEqual(session.respond(1, { type: 'text', text: 'fo', tokens: [1] }, 0), []);
  assert.deepEqual(session.respond(1, { type: 'text', text: 'ur', tokens: [2] }, 0), []);
  const [chunk, end] = sent(session.respond(1, { type: 'finish', reason: 'stop', rawReason: 'eos' }, 0));
  assert.deepEqual([chunk?.['text'], chunk?.['tokens'], end?.['type']], ['four', [1, 2], 'inference_end']);
});

test('an unreadable hello selects no dialect', () => {
  const session = open(true);
  assert.deepEqual(types(session.receive(line({ type: 'peer_hello', protocol: PROTOCOL }), 0)), ['inference_error']);
  assert.equal(session.wakeAt, HELLO_TIMEOUT_MS);
  assert.deepEqual(types(session.receive(line(hello), 0)), ['peer_status', 'peer']);
});

test('an error is never answered with an error', () => {
  const session = open();
  session.receive(line(hello), 0);
  assert.deepEqual(session.receive(line({ type: 'inference_error', request_id: 5, code: 7 }), 0), []);
});

test('a prompt that is too long is refused with the limit before it is sent', () => {
  const session = open();
  session.receive(line(hello), 0);
  const long = { ...request, input: promptInput('x'.repeat(MAX_REQUEST_BYTES)) };
  assert.throws(() => session.ask(1, long, 0), /too long.*1048576/);
});
