import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ndjsonFramer } from '../framing/index.ts';
import { encodeObject, type JsonObject, parseObject } from '../json.ts';
import type { Output } from '../session.ts';
import type { DoorRule } from './admission.ts';
import { type Credentials, identityOf } from './authorisation.ts';
import { type HelloMessage, MAX_REQUEST_BYTES, PROTOCOL } from './messages.ts';
import { PeerSession, type PeerSessionOptions } from './session.ts';

const CHALLENGE = 'c5'.repeat(32);
const door = identityOf(new Uint8Array(32).fill(1));
const client = identityOf(new Uint8Array(32).fill(2));
const other = identityOf(new Uint8Array(32).fill(3));

const helloOf = (key: string): HelloMessage => ({
  type: 'peer_hello',
  node_name: '',
  clusters: [],
  supported_models: [],
  protocol: PROTOCOL,
  peer_id: key,
  version: '0.1.0',
  uptime_s: 0,
  roles: ['client'],
  models: [],
});

function session(key: string, more: Partial<PeerSessionOptions>): PeerSession {
  return new PeerSession({
    framer: ndjsonFramer(MAX_REQUEST_BYTES),
    hello: () => helloOf(key),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
    idPrefix: key.slice(0, 16),
    helloOwed: true,
    ...more,
  });
}

const encoded = (message: object): Uint8Array => ndjsonFramer(0).encode(encodeObject(message));
const sent = (outputs: readonly Output[]): JsonObject[] =>
  outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
const types = (outputs: readonly Output[]): unknown[] => sent(outputs).map(({ type }) => type);
const closes = (outputs: readonly Output[]): boolean => outputs.some(({ type }) => type === 'close');

/** Returns the output of a door with this rule after a hello with these credentials. */
function greetDoor(rule: Omit<DoorRule, 'challenge'>, credentials: Credentials, key = client.key): Output[] {
  const serving = session(door.key, { door: { challenge: CHALLENGE, ...rule } });
  const dialling = session(key, { credentials });
  assert.deepEqual(dialling.start(0), []);
  const greeting = sent(serving.start(0));
  const answer = greeting.flatMap((message) => dialling.receive(encoded(message), 0));
  assert.deepEqual(types(answer), ['peer_hello', 'peer_status']);
  return sent(answer)
    .slice(0, 1)
    .flatMap((message) => serving.receive(encoded(message), 0));
}

test('a door greets with its challenge, and a peer with a key greets after it has received that', () => {
  const [greeting] = sent(session(door.key, { door: { challenge: CHALLENGE } }).start(0));
  assert.equal(greeting?.['challenge'], CHALLENGE);
  assert.deepEqual(types(greetDoor({}, client)), ['peer_status']);
});

test('the signature is Ed25519 over the text in the protocol page', () => {
  const dialling = session(client.key, { credentials: client });
  dialling.start(0);
  const [hello] = sent(dialling.receive(encoded({ ...helloOf(door.key), challenge: CHALLENGE }), 0));
  const text = `shoal/1 hello\n${door.key}\n${CHALLENGE}\n${client.key}\n`;
  assert.equal(hello?.['signature'], Buffer.from(client.sign(Buffer.from(text))).toString('hex'));
});

test('a door accepts its token and the keys of its list', () => {
  const rule = { token: 'right', allowedKeys: new Set([client.key]) };
  assert.deepEqual(types(greetDoor(rule, { ...other, token: 'right' }, other.key)), ['peer_status']);
  assert.deepEqual(types(greetDoor(rule, client)), ['peer_status']);
  assert.deepEqual(types(greetDoor(rule, { ...client, token: 'wrong' })), ['peer_status']);
});

const refusals: readonly [string, Omit<DoorRule, 'challenge'>, Credentials, string, RegExp][] = [
  ['a wrong token', { token: 'right' }, { ...client, token: 'wrong' }, client.key, /token is not the one/],
  [
    'a token that begins like the right one',
    { token: 'right' },
    { ...client, token: 'righ' },
    client.key,
    /token is not/,
  ],
  ['nothing', { token: 'right' }, client, client.key, /opens for its token/],
  ['a key that is not on the list', { allowedKeys: new Set([other.key]) }, client, client.key, /a key of its list/],
  ['an empty list', { allowedKeys: new Set() }, client, client.key, /a key of its list/],
  [
    'a key of the list with the signature of another',
    { allowedKeys: new Set([other.key]) },
    client,
    other.key,
    /signature/,
  ],
];
for (const [what, rule, credentials, key, words] of refusals) {
  test(`a door refuses ${what} with UNAUTHORIZED, closes, and does not send the token`, () => {
    const outputs = greetDoor(rule, credentials, key);
    const [error, ...more] = sent(outputs);
    assert.deepEqual([error?.['type'], error?.['code'], more], ['inference_error', 'UNAUTHORIZED', []]);
    assert.match(String(error?.['message']), words);
    assert.doesNotMatch(String(error?.['message']), /right|wrong/);
    assert.ok(closes(outputs));
  });
}

test('a signature is valid for one door and one challenge only', () => {
  const signed = (doorKey: string, challenge: string): string => {
    const text = `shoal/1 hello\n${doorKey}\n${challenge}\n${client.key}\n`;
    return Buffer.from(client.sign(Buffer.from(text))).toString('hex');
  };
  const opens = (signature: unknown): boolean => {
    const rule = { challenge: CHALLENGE, allowedKeys: new Set([client.key]) };
    const serving = session(door.key, { door: rule });
    serving.start(0);
    return !closes(serving.receive(encoded({ ...helloOf(client.key), signature }), 0));
  };
  assert.ok(opens(signed(door.key, CHALLENGE)));
  assert.ok(!opens(signed(other.key, CHALLENGE)));
  assert.ok(!opens(signed(door.key, 'c6'.repeat(32))));
  for (const signature of ['', 'zz', '00'.repeat(64), 'ff'.repeat(64), undefined]) assert.ok(!opens(signature));
});

test('a request of a refused peer is not answered', () => {
  const serving = session(door.key, { door: { challenge: CHALLENGE, token: 'right' } });
  serving.start(0);
  const request = { type: 'inference_request', request_id: 'a', prompt: 'Hi' };
  const outputs = serving.receive(Buffer.concat([encoded(helloOf(client.key)), encoded(request)]), 0);
  assert.deepEqual(
    outputs.map(({ type }) => type),
    ['send', 'close'],
  );
});

test('a refused peer closes the connection with the message of the door', () => {
  for (const hasGreeted of [true, false]) {
    const dialling = session(client.key, { credentials: client });
    dialling.start(0);
    if (hasGreeted) dialling.receive(encoded(helloOf(door.key)), 0);
    const refusal = { type: 'inference_error', code: 'UNAUTHORIZED', message: 'Not you.' };
    const outputs = dialling.receive(encoded(refusal), 0);
    const [only] = outputs;
    assert.equal(outputs.length, 1);
    assert.ok(only?.type === 'close' && only.error?.code === 'UNAUTHORIZED' && only.error.message === 'Not you.');
  }
});

test('a hello that is announced before the greeting of the door waits for it', () => {
  const dialling = session(client.key, { credentials: client });
  dialling.start(0);
  assert.deepEqual(dialling.announce(0), []);
  dialling.receive(encoded(helloOf(door.key)), 0);
  assert.deepEqual(types(dialling.announce(0)), ['peer_hello', 'peer_status']);
});
