import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestRecord } from './request-record.ts';
import { requestText } from './request-text.ts';

const RECORD: RequestRecord = {
  from: 'peer',
  who: 'NodeB (1a2b3c4d)',
  via: 'clusters',
  model: 'tiny',
  outcome: 'answered',
  tokens: 42,
  tokensPerSecond: 30.6,
  durationMs: 1_440,
};

test('a request is one line: who, model, tokens, rate, outcome, time and way', () => {
  const texts = [
    RECORD,
    { ...RECORD, tokens: 1, tokensPerSecond: undefined, outcome: 'aborted' as const },
    { ...RECORD, model: '', tokens: 0, outcome: 'refused' as const, code: 'QUEUE_FULL' as const, durationMs: 3 },
  ].map(requestText);
  assert.deepEqual(texts, [
    'NodeB (1a2b3c4d) asked tiny: 42 tokens, 31 tokens/s, answered after 1.4 s (clusters)',
    'NodeB (1a2b3c4d) asked tiny: 1 token, aborted after 1.4 s (clusters)',
    'NodeB (1a2b3c4d) asked any model: refused with QUEUE_FULL after 0.0 s (clusters)',
  ]);
});
