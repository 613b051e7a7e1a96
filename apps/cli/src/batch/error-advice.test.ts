import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { withOverriddenModel, withAdvice } from './error-advice.ts';

test('an error without a worker has the command to continue, and any other is unchanged', () => {
  const absent = withAdvice(new ShoalError('HOST_OFFLINE', 'No worker.'));
  assert.ok(absent instanceof ShoalError);
  assert.deepEqual([absent.code, absent.message], ['HOST_OFFLINE', 'No worker.\nRun the same command to go on.']);
  const full = new ShoalError('STORAGE_FULL', 'Full.');
  assert.equal(withAdvice(full), full);
});

test('the error of a missing model mentions --model, and any other result is unchanged', () => {
  const missing = withOverriddenModel({ line: 1, customId: 'a', error: ShoalError.modelNotFound('big', ['small']) });
  assert.ok('error' in missing);
  assert.deepEqual(
    [missing.line, missing.error.code, missing.error.message],
    [1, 'MODEL_NOT_FOUND', 'No model "big" here; there are: small. --model asks for another than the lines name.'],
  );
  const answered = { line: 2, customId: 'b', answer: { text: 'yes', finishReason: 'stop' } } as const;
  assert.equal(withOverriddenModel(answered), answered);
});
