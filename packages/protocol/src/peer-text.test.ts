import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readErrorText } from './donate/errors.ts';
import { readHello as readDonateHello } from './donate/messages.ts';
import { readModelConfiguration } from './donate/model-configuration.ts';
import { ShoalError } from './error.ts';
import type { JsonObject } from './json.ts';
import { readError as readLocalLlmError } from './localllm/errors.ts';
import { readEnvelope, readServerInfo } from './localllm/messages.ts';
import { readErrorResponse } from './opengateway/errors.ts';
import { cutName, cutText, MAX_PEER_ERROR_LENGTH, MAX_PEER_NAME_LENGTH } from './peer-text.ts';
import { readError as readQmeshError } from './qmesh/errors.ts';
import { readReport } from './qmesh/messages.ts';
import { readEnd } from './shoal/answer.ts';
import { readError } from './shoal/errors.ts';
import { readHello } from './shoal/messages.ts';
import { openGatewayPeer, shoalPeer } from './shoal/peer-info.ts';
import { Fields } from './fields.ts';

const LONG = 'n'.repeat(240_000);
const HELLO: JsonObject = {
  type: 'peer_hello',
  node_name: LONG,
  clusters: [],
  supported_models: [LONG],
  protocol: 'shoal/1',
  peer_id: LONG,
  version: LONG,
  models: [{ id: LONG, digest: LONG, quantization: LONG }],
};
const INFO: JsonObject = { type: 'server_info', payload: { host_name: LONG, model: LONG } };
const END: JsonObject = { finish_reason: 'stop', raw_reason: LONG, model: LONG };

/** Every description that a peer sends of itself, read. */
const DESCRIPTIONS: Readonly<Record<string, () => object>> = {
  'a shoal/1 hello': () => readHello(HELLO),
  'a shoal/1 peer': () => shoalPeer(readHello(HELLO)),
  'an OpenGateway peer': () => openGatewayPeer(HELLO),
  'the end of a shoal/1 answer': () => readEnd(new Fields(END, 'inference_end'), ''),
  'a Donate hello': () => readDonateHello({ mode: 'local_lm', local_lm_path: LONG }),
  'the configuration of a pushed model': () => readModelConfiguration(JSON.stringify({ name: LONG, format: LONG })),
  'a LocalLLM host': () => readServerInfo(readEnvelope(INFO)),
};

for (const [what, read] of Object.entries(DESCRIPTIONS)) {
  test(`the names in ${what} are cut`, () => {
    const texts = textsOf(read()).filter((text) => text.startsWith('n'));
    assert.ok(texts.length > 0);
    assert.ok(texts.every((text) => text.length <= MAX_PEER_NAME_LENGTH));
  });
}

test('a QMesh worker with an overlong id is refused, because the id is its address', () => {
  const health = { score: 1, state: 'healthy' };
  assert.throws(() => readReport({ workerId: LONG, health }), { code: 'BAD_MESSAGE' });
});

test('the message of an error is cut in every dialect', () => {
  const errors = [
    readError({ code: 'INTERNAL', message: LONG }),
    readErrorResponse(`[error] ${LONG}`),
    readQmeshError(LONG),
    readErrorText(LONG),
    readLocalLlmError({ payload: { code: 'MODEL_BUSY', message: LONG } }),
  ];
  assert.ok(errors.every((error) => error instanceof ShoalError && error.message.length <= MAX_PEER_ERROR_LENGTH));
});

test('a name that is cut has no half of a character at its end', () => {
  assert.equal(cutText('ab🐟', 3), 'ab');
  assert.equal(cutText('ab🐟', 4), 'ab🐟');
  assert.equal(cutName('NodeA'), 'NodeA');
});

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
