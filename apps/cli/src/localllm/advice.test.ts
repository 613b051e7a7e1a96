import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol';
import { describeError } from './advice.ts';

test('one client too many learns how many there are, and when to come back', () => {
  assert.equal(
    describeError(new ShoalError('CONNECT_FAILED', 'Max clients reached')),
    'CONNECT_FAILED: The host has 5 clients already; try again when one has left.',
  );
});

test('words without an end get one, and advice where there is some', () => {
  assert.equal(
    describeError(new ShoalError('MODEL_BUSY', 'Host is busy')),
    'MODEL_BUSY: Host is busy. It answers one prompt at a time: ask again in a moment.',
  );
});
