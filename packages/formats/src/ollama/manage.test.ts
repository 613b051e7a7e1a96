import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCopy, readModelName, readPull, readVerbose, writePullProgress, writeVersion } from './manage.ts';

test('a model is named by "model" or by its older name', () => {
  assert.equal(readModelName({ model: 'tiny' }), 'tiny');
  assert.equal(readModelName({ name: 'tiny' }), 'tiny');
  assert.equal(readModelName({ model: '', name: 'tiny' }), 'tiny');
  assert.equal(readModelName({ model: 'new', name: 'old' }), 'new');
  for (const body of [{}, { model: '' }, { model: 5 }]) {
    assert.throws(() => readModelName(body), { code: 'INVALID_REQUEST', message: /"model"/ });
  }
});

test('bodies of show, copy and pull are read', () => {
  assert.deepEqual([readVerbose({ model: 'tiny' }), readVerbose({ model: 'tiny', verbose: true })], [false, true]);
  assert.deepEqual(readCopy({ source: 'a', destination: 'b' }), { source: 'a', destination: 'b' });
  assert.throws(() => readCopy({ source: 'a' }), { code: 'INVALID_REQUEST', message: /"destination" is missing/ });
  assert.deepEqual(readPull({ name: 'a', insecure: true }), { model: 'a', streams: true });
  assert.deepEqual(readPull({ model: 'a', stream: false }), { model: 'a', streams: false });
});

test('the progress of a pull names the first twelve digits of the digest', () => {
  const digest = `sha256:${'0123456789ab'.repeat(5)}cdef`;
  assert.deepEqual(writePullProgress({ status: 'pulling', digest, total: 9, completed: 4 }), {
    status: 'pulling 0123456789ab',
    digest,
    total: 9,
    completed: 4,
  });
  assert.equal(JSON.stringify(writePullProgress({ status: 'success' })), '{"status":"success"}');
});

test('a version is an object', () => {
  assert.deepEqual(writeVersion('0.17.4'), { version: '0.17.4' });
});
