import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exceededContextOf, ShoalError } from './error.ts';

test('the lengths in the error for a prompt that is too long are read from its message', () => {
  const { code, message } = ShoalError.contextExceeded(40_000, 32_768);
  const received = new ShoalError(code, message);
  assert.deepEqual(exceededContextOf(received), { promptTokens: 40_000, contextLength: 32_768 });
});

test('an error with another message has no lengths', () => {
  const others = ['The prompt is longer than the context of the model.', 'The prompt has many tokens.', ''];
  for (const message of others) assert.equal(exceededContextOf(new ShoalError('CONTEXT_EXCEEDED', message)), undefined);
});

test('an error as JSON has its code and message, and never its cause', () => {
  const error = new ShoalError('OVERLOADED', 'Busy.', { cause: new Error('secret'), retryAfterMs: 100 });
  assert.equal(JSON.stringify({ error }), '{"error":{"code":"OVERLOADED","message":"Busy.","retryAfterMs":100}}');
  assert.equal(JSON.stringify(ShoalError.badMessage('No.')), '{"code":"BAD_MESSAGE","message":"No."}');
});
