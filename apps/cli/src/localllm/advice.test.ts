import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { describeError } from './advice.ts';

test('the error of a full host names the limit and what to do', () => {
  assert.equal(
    describeError(new ShoalError('CONNECT_FAILED', 'Max clients reached')),
    'CONNECT_FAILED: The host has 5 clients already; try again when one has left.',
  );
});

test('a message gets a full stop and advice', () => {
  assert.equal(
    describeError(new ShoalError('MODEL_BUSY', 'Host is busy')),
    'MODEL_BUSY: Host is busy. It answers one prompt at a time: ask again in a moment.',
  );
});
