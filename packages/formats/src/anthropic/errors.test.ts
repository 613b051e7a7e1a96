import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { writeError, writeStreamError } from './errors.ts';

for (const [code, status, type, written = status] of [
  ['INVALID_REQUEST', 400, 'invalid_request_error'],
  ['UNAUTHORIZED', 401, 'authentication_error'],
  ['UNAUTHORIZED', 403, 'permission_error'],
  ['MODEL_NOT_FOUND', 404, 'not_found_error'],
  ['INVALID_REQUEST', 404, 'not_found_error'],
  ['INVALID_REQUEST', 413, 'request_too_large'],
  ['INVALID_REQUEST', 415, 'invalid_request_error'],
  ['OVERLOADED', 429, 'rate_limit_error'],
  ['OVERLOADED', 503, 'overloaded_error', 529],
  ['QUEUE_FULL', 503, 'overloaded_error', 529],
  ['MODEL_BUSY', 503, 'overloaded_error', 529],
  ['HOST_OFFLINE', 503, 'api_error'],
  ['INTERNAL', 500, 'api_error'],
  ['GENERATION_FAILED', 502, 'api_error'],
  ['DEADLINE_EXCEEDED', 504, 'timeout_error'],
] as const) {
  test(`${code} with status ${status} is ${type}`, () => {
    assert.deepEqual(writeError(new ShoalError(code, 'Sorry.'), status, 'req_1'), {
      status: written,
      body: { type: 'error', error: { type, message: 'Sorry.' }, request_id: 'req_1' },
    });
  });
}

test('a prompt that is too long has the text that clients recognize', () => {
  const text = (error: ShoalError) => writeError(error, 400, 'r').body;
  const body = (message: string) => ({
    type: 'error',
    error: { type: 'invalid_request_error', message },
    request_id: 'r',
  });
  const exceeded = ShoalError.contextExceeded(40_000, 32_768);
  assert.deepEqual(text(exceeded), body('prompt is too long: 40000 tokens > 32768 maximum'));
  assert.deepEqual(text(ShoalError.contextExceeded(512, 512)), body('prompt is too long: 512 tokens > 511 maximum'));
  assert.deepEqual(text(new ShoalError('CONTEXT_EXCEEDED', 'Too long.')), body('prompt is too long'));
});

test('an error in a stream has the type of its code', () => {
  const error = { type: 'overloaded_error', message: 'Busy.' };
  assert.deepEqual(writeStreamError(new ShoalError('QUEUE_FULL', 'Busy.')), { type: 'error', error, request_id: null });
});
