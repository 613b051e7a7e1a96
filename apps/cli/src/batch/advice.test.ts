import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '@shoal/protocol';
import { withOverruledModel, withWayOn } from './advice.ts';

test('where there was nobody to ask, the error says how to go on; any other stays as it is', () => {
  const absent = withWayOn(new ShoalError('HOST_OFFLINE', 'No worker.'));
  assert.ok(absent instanceof ShoalError);
  assert.deepEqual([absent.code, absent.message], ['HOST_OFFLINE', 'No worker.\nRun the same command to go on.']);
  const full = new ShoalError('STORAGE_FULL', 'Full.');
  assert.equal(withWayOn(full), full);
});

test('a model that nobody has is told to be that of --model; any other result stays as it is', () => {
  const missing = withOverruledModel({ line: 1, customId: 'a', error: ShoalError.modelNotFound('big', ['small']) });
  assert.ok('error' in missing);
  assert.deepEqual(
    [missing.line, missing.error.code, missing.error.message],
    [1, 'MODEL_NOT_FOUND', 'No model "big" here; there are: small. --model asks for another than the lines name.'],
  );
  const answered = { line: 2, customId: 'b', answer: { text: 'yes', finishReason: 'stop' } } as const;
  assert.equal(withOverruledModel(answered), answered);
});
