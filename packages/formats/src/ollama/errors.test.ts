import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { readError, writeError } from './errors.ts';

test('an error is an object with its message', () => {
  assert.deepEqual(writeError(ShoalError.unauthorized('Send a token.'), 401, 'id'), {
    status: 401,
    body: { error: 'Send a token.' },
  });
});

test('the error of a missing model says that the model was not found', () => {
  assert.deepEqual(writeError(ShoalError.modelNotFound('org/x:1', ['a']), 404, 'id').body, {
    error: 'model "org/x:1" not found. No model "org/x:1" here; there are: a.',
  });
  assert.deepEqual(writeError(new ShoalError('MODEL_NOT_FOUND', 'This node does not lend.'), 404, 'id').body, {
    error: 'model not found. This node does not lend.',
  });
  const own = new ShoalError('MODEL_NOT_FOUND', 'model "x" not found');
  assert.deepEqual(writeError(own, 404, 'id').body, { error: own.message });
});

test('the error of a prompt that is too long is read by the client direction as such', () => {
  const { status, body } = writeError(ShoalError.contextExceeded(9, 8), 400, 'id');
  assert.match(
    JSON.stringify(body),
    /^\{"error":"the input length exceeds the context length\. The prompt has 9 tokens/,
  );
  assert.equal(readError(status, JSON.stringify(body), 'tiny').code, 'CONTEXT_EXCEEDED');
});
