import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promptInput, type InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Exchange } from '@shoal/transport';
import type { EndedRequest } from '@shoal/worker';
import { RequestLog } from './request-log.ts';
import type { RequestRecord } from './request-record.ts';

const KEY = '1a2b3c4d'.repeat(8);
const request: InferenceRequest = { model: 'tiny', input: promptInput('a secret'), sampling: {}, stop: [] };

function exchange(options: Partial<Exchange> = {}): Exchange {
  return {
    id: 1,
    request,
    remote: { transport: 'hyperswarm', key: KEY, address: '10.0.0.1:5', initiator: false },
    ended: true,
    send: () => Promise.resolve(false),
    onAbort: () => undefined,
    ...options,
  };
}

function recorded(): { log: RequestLog; records: RequestRecord[] } {
  const records: RequestRecord[] = [];
  return { log: new RequestLog((record) => void records.push(record)), records };
}

function ended(options: Partial<EndedRequest> = {}): EndedRequest {
  return { door: 'clusters', exchange: exchange(), outcome: 'answered', tokens: 41, durationMs: 3_000, ...options };
}

test('a record of a peer has its name and key, the door, the model and the rate, and nothing of the prompt', () => {
  const { log, records } = recorded();
  log.peerEnded(ended({ generatingMs: 2_000 }), () => 'Node\u001bA');
  assert.deepEqual(records, [
    {
      from: 'peer',
      who: 'NodeA (1a2b3c4d)',
      via: 'clusters',
      model: 'tiny',
      outcome: 'answered',
      tokens: 41,
      tokensPerSecond: 20,
      durationMs: 3_000,
    },
  ]);
  assert.equal(log.periods.lastHour.peers.answered, 1);
});

test('a peer without a key is shown by its address, and few tokens have no rate', () => {
  const { log, records } = recorded();
  const remote = { transport: 'tcp', address: '10.0.0.1:5', initiator: false } as const;
  const error = new ShoalError('QUEUE_FULL', 'full');
  log.peerEnded(ended({ exchange: exchange({ remote }), outcome: 'refused', error, tokens: 0 }), () => undefined);
  log.peerEnded(ended({ tokens: 19, generatingMs: 1 }), () => undefined);
  const shown = records.map(({ who, code, tokensPerSecond }) => [who, code, tokensPerSecond]);
  assert.deepEqual(shown, [
    ['10.0.0.1:5', 'QUEUE_FULL', undefined],
    ['1a2b3c4d', undefined, undefined],
  ]);
});

test('neither a prompt that is only counted nor the loading of a model is recorded', () => {
  const { log, records } = recorded();
  log.peerEnded(ended({ exchange: exchange({ request: { ...request, countOnly: true } }) }), () => undefined);
  log.peerEnded(ended({ exchange: exchange({ remote: undefined }) }), () => undefined);
  assert.deepEqual(records, []);
});

test('a call of a program is recorded once, with the model that answered', () => {
  const { log, records } = recorded();
  const outcomes = ['ok', 'cancelled', 'MODEL_NOT_FOUND', 'WORKER_LOST'] as const;
  for (const outcome of outcomes) {
    const call = log.begin({ who: 'curl', via: 'openai', model: 'auto', request });
    call.answeredBy?.('tiny');
    call.first();
    call.token(5);
    call.end(outcome);
    call.end('ok');
  }
  assert.deepEqual(
    records.map(({ from, who, model, outcome, code, tokens }) => [from, who, model, outcome, code, tokens]),
    [
      ['program', 'curl', 'tiny', 'answered', undefined, 5],
      ['program', 'curl', 'tiny', 'aborted', undefined, 5],
      ['program', 'curl', 'tiny', 'refused', 'MODEL_NOT_FOUND', 5],
      ['program', 'curl', 'tiny', 'failed', 'WORKER_LOST', 5],
    ],
  );
});
