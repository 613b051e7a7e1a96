import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type InferenceRequest, promptInput, ShoalError, type ToolCallEvent } from '@shoal/protocol';
import type { Peer } from '@shoal/network';
import { Progress } from './progress.ts';

const request: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };
const call: ToolCallEvent = { type: 'tool_call', index: 0, id: 'a', name: 'add', arguments: '{', tokens: [1] };
const lost = ShoalError.workerLost('Gone.');

/** A lender without a connection: what it says of its model is all that counts here. */
function fakePeer(digest: string): Peer {
  const info = { dialect: 'shoal', name: '', models: [{ id: 'tiny', digest }], lends: true };
  return { key: digest, link: {} as Peer['link'], info, connectedAt: 0, lastSeenAt: 0 };
}

function progress(): Progress {
  const one = new Progress(request, 0);
  one.workedOnBy(fakePeer('same'));
  return one;
}

test('an answer whose first event was a tool call has begun: only the same model goes on with it', () => {
  const begun = progress();
  assert.ok(begun.canGoOnAt(fakePeer('other')));
  begun.add(call);
  begun.failed(lost);
  assert.deepEqual([begun.canGoOnAt(fakePeer('other')), begun.canGoOnAt(fakePeer('same'))], [false, true]);
});

test('a tool call whose tokens nobody knows cannot be gone on with in its middle', () => {
  const begun = progress();
  begun.add({ ...call, tokens: [] });
  assert.ok(!begun.canGoOnAt(fakePeer('same')));
});

test('an answer that is only tokens so far has not begun, and they are made again', () => {
  const unheard = progress();
  unheard.add({ type: 'text', text: '', tokens: [7] });
  unheard.failed(lost);
  assert.deepEqual(unheard.remaining(), request);
  unheard.add({ type: 'text', text: 'Hi', tokens: [8] });
  assert.deepEqual(unheard.remaining().resume, { text: 'Hi', tokens: [8] });
});
