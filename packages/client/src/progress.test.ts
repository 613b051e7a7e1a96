import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToolCallEvent } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Peer } from '@shoal/network';
import { AnswerProgress } from './progress.ts';

const request: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };
const call: ToolCallEvent = { type: 'tool_call', index: 0, id: 'a', name: 'add', arguments: '{', tokens: [1] };
const lost = ShoalError.workerLost('Gone.');

/** A worker without a connection. Only its model matters here. */
function fakePeer(digest: string): Peer {
  const info = { dialect: 'shoal', name: '', models: [{ id: 'tiny', digest }], lends: true };
  return { key: digest, link: {} as Peer['link'], info, connectedAt: 0, lastSeenAt: 0 };
}

function progress(): AnswerProgress {
  const one = new AnswerProgress(request, 0);
  one.setWorker(fakePeer('same'));
  return one;
}

test('an answer whose first event is a tool call has begun: only the same model continues it', () => {
  const begun = progress();
  assert.ok(begun.canContinueAt(fakePeer('other')));
  begun.add(call);
  begun.failed(lost);
  assert.deepEqual([begun.canContinueAt(fakePeer('other')), begun.canContinueAt(fakePeer('same'))], [false, true]);
});

test('a tool call whose tokens are unknown cannot be continued', () => {
  const begun = progress();
  begun.add({ ...call, tokens: [] });
  assert.ok(!begun.canContinueAt(fakePeer('same')));
});

test('an answer that has only tokens has not begun, and they are generated again', () => {
  const started = progress();
  started.add({ type: 'text', text: '', tokens: [7] });
  started.failed(lost);
  assert.deepEqual(started.remaining(), request);
  started.add({ type: 'text', text: 'Hi', tokens: [8] });
  assert.deepEqual(started.remaining().resume, { text: 'Hi', tokens: [8] });
});

test('an answer that has only reasoning has begun, and continues from the tokens of its reasoning', () => {
  const begun = progress();
  begun.add({ type: 'reasoning', text: 'Hm.', tokens: [7, 8] });
  begun.failed(lost);
  assert.deepEqual([begun.canContinueAt(fakePeer('other')), begun.canContinueAt(fakePeer('same'))], [false, true]);
  assert.deepEqual(begun.remaining().resume, { text: '', tokens: [7, 8] });
  begun.add({ type: 'text', text: 'Hi', tokens: [9] });
  assert.deepEqual(begun.remaining().resume, { text: 'Hi', tokens: [7, 8, 9] });
});

test('reasoning whose tokens are unknown cannot be continued', () => {
  const begun = progress();
  begun.add({ type: 'reasoning', text: 'Hm.', tokens: [] });
  assert.ok(!begun.canContinueAt(fakePeer('same')));
});

test('the ids of reasoning that is not sent are generated again until there is text', () => {
  const begun = progress();
  begun.add({ type: 'text', text: '', tokens: [7] });
  assert.equal(begun.hasBegun, false);
  begun.add({ type: 'text', text: 'Hi', tokens: [8] });
  assert.deepEqual(begun.remaining().resume, { text: 'Hi', tokens: [7, 8] });
});
