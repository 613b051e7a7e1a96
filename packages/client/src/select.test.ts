import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceRequest, type ModelInfo, type PeerInfo, promptInput } from '@shoal/protocol';
import type { Peer } from '@shoal/network';
import { rankWorkers, whatIsLacking } from './select.ts';

const chat: InferenceRequest = { model: 'tiny', input: promptInput('Hi'), sampling: {}, stop: [] };
const withTools: InferenceRequest = { ...chat, tools: [{ name: 'add' }] };

/** A lender without a connection: choosing one needs none, but for how many of our requests it has. */
function fakePeer(name: string, model: Partial<ModelInfo>, health = 100): Peer {
  const status = { health, active: 0, queued: 0, slots: 1 };
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

test('a worker that does not tell what it can do is asked for a chat like any other, and last for what it would refuse', () => {
  const peers = [fakePeer('silent', {}), fakePeer('tells', { abilities: ['messages', 'embeddings'] }, 50)];
  assert.deepEqual(names(peers, chat), ['silent', 'tells']);
  assert.deepEqual(names(peers, { ...chat, input: { type: 'embeddings', texts: ['a'] } }), ['tells', 'silent']);
});

test('a worker that does not tell what it can do is never asked for what it would leave out without a word', () => {
  const silent = [fakePeer('silent', {})];
  for (const wish of [{ tools: [{ name: 'add' }] }, { format: { type: 'json' } }, { logprobs: 1 }] as const) {
    assert.deepEqual(names(silent, { ...chat, ...wish }), []);
  }
  assert.match(
    whatIsLacking(silent, withTools)?.message ?? '',
    /Nobody .* "tiny" tells .*: messages, tools\. .* too old/,
  );
});

test('where the model is there and none can answer, the error says what is lacking', () => {
  const chats = fakePeer('chats', { abilities: ['messages'] });
  const error = whatIsLacking([chats], withTools);
  assert.equal(error?.code, 'INVALID_REQUEST');
  assert.match(error?.message ?? '', /"tiny" cannot do .*: tools\. It can: messages/);
  assert.match(whatIsLacking([fakePeer('silent', {}), chats], withTools)?.message ?? '', /"tiny" cannot do/);
  assert.equal(whatIsLacking([chats, fakePeer('silent', {})], chat), undefined);
  assert.equal(whatIsLacking([chats], { ...withTools, model: 'other' }), undefined);
  assert.equal(whatIsLacking([], withTools), undefined);
});
