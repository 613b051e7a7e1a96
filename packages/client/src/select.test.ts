import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelInfo, PeerInfo } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import type { Peer } from '@shoal/network';
import { rankWorkers, missingAbilityError } from './select.ts';

const chat: InferenceRequest = { model: 'tiny', input: promptInput('Hi'), sampling: {}, stop: [] };
const withTools: InferenceRequest = { ...chat, tools: [{ name: 'add' }] };

/** A worker without a connection. Only the number of our open requests matters here. */
function fakePeer(name: string, model: Partial<ModelInfo>, health = 100, unavailable?: readonly string[]): Peer {
  const status = { health, active: 0, queued: 0, slots: 1, unavailable };
  const info: PeerInfo = { dialect: 'shoal', name, models: [{ id: 'tiny', ...model }], lends: true, status };
  const link = { openAnswers: 0 } as Peer['link'];
  return { key: name, link, info, connectedAt: 0, lastSeenAt: 0 };
}

const names = (peers: readonly Peer[], request: InferenceRequest): string[] =>
  rankWorkers(peers, request, () => 0).map(({ info }) => info.name);

test('only workers whose model can answer are asked', () => {
  const peers = [
    fakePeer('chats', { abilities: ['messages'] }),
    fakePeer('calls', { abilities: ['messages', 'tools'] }, 50),
    fakePeer('other', { id: 'other', abilities: ['messages', 'tools'] }),
  ];
  assert.deepEqual(names(peers, withTools), ['calls']);
  assert.deepEqual(names(peers, chat), ['chats', 'calls']);
});

test('a worker whose model cannot answer now is asked last, and for its other models like any other', () => {
  const failed = fakePeer('failed', { abilities: ['messages'] }, 100, ['tiny']);
  const healthy = fakePeer('healthy', { abilities: ['messages'] }, 10);
  const other = fakePeer('other', { abilities: ['messages'] }, 50, ['large']);
  assert.deepEqual(names([failed, healthy, other], chat), ['other', 'healthy', 'failed']);
});

test('a worker that does not list its abilities is asked for a chat like any other, and last for other abilities', () => {
  const peers = [fakePeer('silent', {}), fakePeer('tells', { abilities: ['messages', 'embeddings'] }, 50)];
  assert.deepEqual(names(peers, chat), ['silent', 'tells']);
  assert.deepEqual(names(peers, { ...chat, input: { type: 'embeddings', texts: ['a'] } }), ['tells', 'silent']);
});

test('a worker that does not list its abilities is never asked for one that it would ignore', () => {
  const silent = [fakePeer('silent', {})];
  for (const wish of [{ tools: [{ name: 'add' }] }, { format: { type: 'json' } }, { logprobs: 1 }] as const) {
    assert.deepEqual(names(silent, { ...chat, ...wish }), []);
  }
  assert.match(
    missingAbilityError(silent, withTools)?.message ?? '',
    /No worker .* "tiny" lists .*: messages, tools\. Update Shoal/,
  );
});

test('if no worker with the model can answer, the error names the missing ability', () => {
  const chats = fakePeer('chats', { abilities: ['messages'] });
  const error = missingAbilityError([chats], withTools);
  assert.equal(error?.code, 'INVALID_REQUEST');
  assert.match(error?.message ?? '', /"tiny" cannot do .*: tools\. It can: messages/);
  assert.match(missingAbilityError([fakePeer('silent', {}), chats], withTools)?.message ?? '', /"tiny" cannot do/);
  assert.equal(missingAbilityError([chats, fakePeer('silent', {})], chat), undefined);
  assert.equal(missingAbilityError([chats], { ...withTools, model: 'other' }), undefined);
  assert.equal(missingAbilityError([], withTools), undefined);
});
