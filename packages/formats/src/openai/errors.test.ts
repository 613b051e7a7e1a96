import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES, type ErrorCode, ShoalError } from '@shoal/protocol/error';
import { isObject } from '@shoal/protocol/json';
import { writeError } from './errors.ts';

const kindOf = (code: ErrorCode, status: number) => {
  const { body } = writeError(new ShoalError(code, 'No.'), status, 'req_1');
  assert.ok('error' in body && isObject(body.error));
  return [body.error['type'], body.error['code']];
};

test('an error has all four keys and names the field that its message begins with', () => {
  assert.deepEqual(writeError(ShoalError.invalidRequest('"messages[0].role" must be one of a.'), 400, 'req_1'), {
    status: 400,
    body: {
      error: {
        message: '"messages[0].role" must be one of a.',
        type: 'invalid_request_error',
        param: 'messages[0].role',
        code: null,
      },
    },
  });
  for (const message of ['"a model" is no field.', 'The field "n" is wrong.', '']) {
    assert.partialDeepStrictEqual(writeError(ShoalError.invalidRequest(message), 400, ''), {
      body: { error: { message, param: null } },
    });
  }
  assert.partialDeepStrictEqual(writeError(ShoalError.modelNotFound('x', []), 404, ''), {
    body: { error: { type: 'invalid_request_error', param: 'model', code: 'model_not_found' } },
  });
});

test('the status decides where it says more than the code', () => {
  assert.deepEqual(kindOf('UNAUTHORIZED', 401), ['authentication_error', 'invalid_api_key']);
  assert.deepEqual(kindOf('UNAUTHORIZED', 403), ['permission_error', 'insufficient_permissions']);
  assert.deepEqual(kindOf('INVALID_REQUEST', 413), ['invalid_request_error', 'request_too_large']);
  assert.deepEqual(kindOf('INVALID_REQUEST', 415), ['invalid_request_error', 'unsupported_media_type']);
  assert.deepEqual(kindOf('OVERLOADED', 429), ['rate_limit_error', 'rate_limit_exceeded']);
  assert.deepEqual(kindOf('OVERLOADED', 503), ['server_error', 'overloaded']);
  assert.deepEqual(kindOf('CONTEXT_EXCEEDED', 400), ['invalid_request_error', 'context_length_exceeded']);
});

test('every code has a type', () => {
  const types = new Set(ERROR_CODES.map((code) => kindOf(code, 500)[0]));
  assert.deepEqual(types, new Set(['authentication_error', 'invalid_request_error', 'server_error']));
});
