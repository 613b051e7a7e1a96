import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readResponses, type StoredResponse } from '@shoal/formats/openai/responses';
import { ResponsesStore } from './responses-store.ts';

/** A response with an input of this length. */
function response(id: string, length = 1): StoredResponse {
  const call = readResponses({ model: 'tiny', input: 'x'.repeat(length) }, undefined);
  const nothing = (): undefined => undefined;
  const context = {
    id,
    createdAt: 0,
    startedAt: 0,
    now: () => 0,
    beganAt: nothing,
    model: () => 'tiny',
    peer: nothing,
  };
  return call.stored({ text: 'Hi', finishReason: 'stop' }, context);
}

test('a response is found and removed by its owner only', () => {
  const store = new ResponsesStore();
  const stored = response('a');
  store.add('alice', stored);
  assert.equal(store.find('alice', stored.id), stored);
  assert.equal(store.find('bob', stored.id), undefined);
  assert.equal(store.remove('bob', stored.id), false);
  assert.equal(store.remove('alice', stored.id), true);
  assert.equal(store.find('alice', stored.id), undefined);
});

test('the oldest responses make room for new ones', () => {
  const store = new ResponsesStore();
  const few = Array.from({ length: 5 }, (_, index) => response(`few${index}`, 10 * 1024 * 1024));
  for (const stored of few) store.add('alice', stored);
  assert.deepEqual(
    few.map(({ id }) => store.find('alice', id) !== undefined),
    [false, false, true, true, true],
  );
  const many = Array.from({ length: 1_100 }, (_, index) => response(`many${index}`));
  for (const stored of many) store.add('alice', stored);
  const kept = many.filter(({ id }) => store.find('alice', id) !== undefined);
  assert.deepEqual(kept, many.slice(-kept.length));
  assert.ok(kept.length >= 1_000 && kept.length <= 1_024, String(kept.length));
});

test('a response that is larger than the store is not stored, and removes nothing', () => {
  const store = new ResponsesStore();
  const small = response('small');
  store.add('alice', small);
  store.add('alice', response('large', 33 * 1024 * 1024));
  assert.equal(store.find('alice', small.id), small);
});
